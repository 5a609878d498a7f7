// What Bedplate knows of K3s on this host: its role, its files, and how it names what it deploys. Facts with their
// sources are in docs/k3s.md.
// Thread-safety: free functions and plain values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tuning/host/files.h"

namespace bedplate::k3s {

// "server" or "agent" from what is installed (units of K3s's installer, then the server's data directory), or nullopt.
std::optional<std::string> detectRole(host::Files& files);

// K3s's configuration files that lie on this host (below the root), in the order in which K3s merges them: config.yaml,
// then config.yaml.d by name.
std::vector<std::string> configFiles(host::Files& files);

// The node name K3s will use: `--node-name` of its unit, `node-name` in its configuration, else the host's short name
// in lower case.
std::string detectNodeName(host::Files& files);

// Where K3s keeps its data, below the root: `data-dir` of its configuration or unit, else var/lib/rancher/k3s.
std::string detectDataDir(host::Files& files);

// The file that K3s writes its log to, below the root: `log` of its configuration or unit; "" when it names none.
std::string detectLogFile(host::Files& files);

// The words that its unit hands to K3s ("server", "--debug", ...), without the program; of the role's unit.
std::vector<std::string> unitWords(host::Files& files, const std::string& role);

// Whether its configuration or unit names a database elsewhere (`datastore-endpoint`). One that is said in the unit's
// environment is not seen.
bool hasExternalDatastore(host::Files& files);

// Whether K3s has run on this host as a server: what it deployed may be there.
bool serverHasRun(host::Files& files);

// Whether this server may have others beside it: it is a member of an etcd cluster, or its database is elsewhere. With
// SQLite there is one server.
bool severalServers(host::Files& files);

// Whether K3s takes a file of this name for a manifest, by its end and its beginning.
bool isManifestName(std::string_view name);

// Whether K3s writes this file itself, at each start ("coredns.yaml").
bool isPackaged(std::string_view name);

// The file below K3s's manifests directory for a manifest of Git ("manifests/argocd/argo-cd.yaml"): a flat, unique
// name whose part before the first dot (K3s's Addon name) is an RFC 1123 label, keeps Git's order as far as it can, and
// cannot collide with another path or with a packaged name: "argocd-argo-cd-1a2b3c4d5e6f.yaml".
std::string manifestFileName(std::string_view path);

// Where a file of k3s/ goes ("k3s/config.yaml.d/10-x.yaml" -> "etc/rancher/k3s/config.yaml.d/10-x.yaml").
std::string configTarget(std::string_view path);

// A drop-in that hands arguments to kube-proxy beside those of the other files. K3s reads the kernel keys that it sets
// at its start from the same arguments (docs/k3s.md).
std::string kubeProxyDropIn(const std::vector<std::string>& args);

// Where a drop-in of this name goes so that K3s reads it after `others` (paths below the root, in any order): "zz-"
// before the name, and more of it where another name is later still.
std::string lastDropIn(std::string_view name, const std::vector<std::string>& others);

}  // namespace bedplate::k3s
