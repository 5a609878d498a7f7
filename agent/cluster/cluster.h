// From a cluster directory to what one node should be: layers, node.yaml, policy, findings.
//
// Pure: a Snapshot and an identity go in, a Desired state and findings come out; nothing of the machine is touched.
// A desired state exists only when no finding is an error. Findings are all there are, not the first one.
// Thread-safety: plain values and free functions.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/source/source.h"
#include "agent/trust/trust.h"
#include "tuning/modules/modules.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::cluster {

enum class Severity { note, warning, error };

struct Finding {
  Severity severity = Severity::error;
  std::string file;     // relative to the cluster directory; "" for the directory as a whole
  int line = 0;         // 1-based; 0: the file as a whole
  int column = 0;       // 1-based; 0: the line as a whole
  std::string message;  // what is wrong, and what would be right
  bool operator==(const Finding&) const = default;
};

// "file:line:column: error: message"
std::string text(const Finding& finding);

struct Identity {
  std::string name;     // of the node
  std::string role;     // "server" or "agent"
  std::string cluster;  // name of the cluster, for sealed files and the status
  bool operator==(const Identity&) const = default;
};

// Where something was said: a key of node.yaml.
struct Said {
  std::string file;  // within the cluster directory
  int line = 0, column = 0;
  std::string layer;  // "cluster", "roles/server", "nodes/web-01"
  bool operator==(const Said&) const = default;
};

// "auto" or an integer, for what is sized by the machine.
struct Amount {
  std::int64_t number = 0;  // 0: auto
  Said said;
};

struct Floor {
  std::string key;  // path form
  std::int64_t least = 0;
  Said said;
};

// node.yaml, merged over the layers. Durations in milliseconds, sizes in bytes, ratios 0..1.
// A member is unset when no layer says it; the design's defaults are applied by whoever uses it.
struct NodeConfig {
  struct {
    std::optional<std::string> profile;  // one of profiles::names(), or "none"
    std::vector<Floor> floors;           // one a key
    std::optional<Amount> conntrackMax, conntrackBuckets;
    std::optional<Amount> inotifyInstances, inotifyWatches;
    bool driftEnforce = true;  // tuning.drift: enforce | report
  } tuning;
  struct Benchmark {
    std::optional<std::int64_t> diskEveryMs, diskForMs, diskP99LimitMs, stealWindowMs;
    std::optional<double> stealLimit;
    bool operator==(const Benchmark&) const = default;
  } benchmark;
  struct Window {
    std::set<int> days;                // 0 = Monday
    int fromMinute = 0, toMinute = 0;  // of the day
    std::string timezone;
    bool operator==(const Window&) const = default;
  };
  // k3s.restart and k3s.confirm.
  struct Restart {
    std::string mode = "auto";  // auto | window | never
    std::vector<std::string> canary;
    std::optional<std::int64_t> spreadMs, confirmTimeoutMs;
    std::optional<Window> window;
    bool operator==(const Restart&) const = default;
  };
  struct {
    Restart restart;
    std::optional<std::string> writer;
    bool prune = true;
    std::string selfHeal = "files";  // off | files | objects
    std::vector<std::string> allowPrune;
  } k3s;
  struct {
    std::optional<std::string> rawSecrets;
    std::optional<std::vector<std::string>> endpoints;
  } policy;
};

struct Object;  // of a manifest (agent/cluster/manifests.h)

// A file that K3s reads, from the layer that won.
struct FileWant {
  std::string path;   // within the layer: "k3s/config.yaml", "manifests/argocd/argo-cd.yaml"; without ".sealed"
  std::string layer;  // "cluster", "roles/server", "nodes/web-01"
  std::string file;   // within the cluster directory
  std::shared_ptr<const std::string> content;                    // as in Git: of a sealed file the sealed text
  std::shared_ptr<const std::vector<Object>> objects = nullptr;  // of a manifest
  bool sealed = false;
  std::shared_ptr<const trust::Secret> opened = nullptr;  // of a sealed one, where there was an opener
};
// What K3s is to read; "" of a sealed file that was not opened.
std::string_view textOf(const FileWant& file);

// A sysctl rule with its layer, in the order in which rules win (later ones).
struct SysctlWant {
  sysctl::Rule rule;  // rule.file is within the cluster directory; of a profile, in tuning/profiles
  std::string layer;  // of a profile, its name
};

struct ModuleWant {
  modules::Entry entry;
  std::string layer;
};

struct Desired {
  Identity node;
  std::vector<std::string> layers;  // those that exist, in order
  NodeConfig config;
  std::vector<ModuleWant> modules;
  std::vector<SysctlWant> sysctls;  // of the profile, of sysctl.d, then floors; apply::makeTarget adds the sizes
  // Keys (or globs) of rules that K3s or its kubelet will write over, and who sets what when. For people.
  std::map<std::string, std::string> overwritten;
  std::vector<FileWant> k3s;  // config.yaml, config.yaml.d/*.yaml, registries.yaml
  std::vector<FileWant> manifests;
  // With tuning.conntrack: the arguments by which K3s and kube-proxy leave those keys to us
  // ("conntrack-max-per-core=0"), without those that Git's own K3s configuration says.
  std::vector<std::string> conntrackHandOver;
};

struct Compiled {
  std::optional<Desired> desired;  // only when there is no error among the findings
  std::vector<Finding> findings;   // by file and line
};

// What bedplate.conf asks of every commit; Git may only tighten it.
struct Policy {
  bool denyRawSecrets = false;
  // Hosts that K3s's configuration may name, as patterns ("*.nordic-corp.no"), one of each list; no list: any.
  std::vector<std::vector<std::string>> endpoints;
};

// Remembers the objects of blobs that were found valid, so that an unchanged manifest is not parsed again, and the
// blobs without a credential in them. Thread-safety: used by one thread at a time.
struct ValidBlobs {
  std::map<source::ObjectId, std::shared_ptr<const std::vector<Object>>> manifests;
  std::set<source::ObjectId> withoutCredentials;
};

// The state for one node. `refusals` of the snapshot become findings. `valid` may be null. Without an `opener` of a
// sealed file only the form is looked at, and a note says so. No finding holds a value out of a sealed file.
Compiled compile(const source::Snapshot& snapshot, const std::vector<source::Refusal>& refusals, const Identity& node,
                 const Policy& floor, ValidBlobs* valid, const trust::Opener* opener = nullptr);

// The roles and nodes a cluster directory names (folders below roles/ and nodes/).
struct Members {
  std::vector<std::string> roles;
  std::vector<std::string> nodes;
};
Members members(const source::Snapshot& snapshot);

}  // namespace bedplate::cluster
