// The Nodes of a cluster as far as a restart of K3s asks for them: whether they are well, what K3s was started with,
// and what Bedplate on them says of their restart.
//
// A server's kubeconfig may see all of them; a kubelet's its own one only ("Refused" for the others).
// Thread-safety: plain values and free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/kube/kube.h"

namespace bedplate::kube {

// How a restart onto a configuration goes, as it stands in the API for the other nodes of the cluster.
struct Trial {
  std::string node;
  std::string tree;     // hex, of the cluster directory
  std::string content;  // digest of the configuration that was tried
  std::string outcome;  // "waiting", "running", "confirmed", "rolled-back", "failed"
  std::string why;      // of the last two, one line
  bool operator==(const Trial&) const = default;
};

std::string toJson(const Trial& trial);
// nullopt for what is no trial. Foreign text: bounded and fit to be shown.
std::optional<Trial> parseTrial(std::string_view json);

struct Node {
  std::string name;
  bool ready = false;
  std::string notReady;                 // then why: "KubeletNotReady: container runtime network not ready"
  bool server = false;                  // it runs the control plane
  bool etcd = false;                    // and is a member of etcd
  bool voter = false;                   // with a vote, as K3s says (EtcdIsVoter)
  std::vector<std::string> args;        // k3s.io/node-args: what K3s was started with, secrets as ********
  std::string configHash;               // k3s.io/node-config-hash
  std::optional<Trial> trial;           // bedplate.dev/k3s
  std::optional<std::int64_t> heardUs;  // when the kubelet last posted its Ready condition
};

// Of one Node's JSON and of a list's. "Malformed".
host::Result<Node> parseNode(std::string_view json);
host::Result<std::vector<Node>> parseNodes(std::string_view json);

// Those that run the control plane, by name.
host::Result<std::vector<Node>> readServers(Api& api);
// "NotFound" where it has none; "Malformed" too for a name that no Node can have.
host::Result<Node> readNode(Api& api, const std::string& name);
// Says it on the node's own Node; the kubelet may do that.
host::Status tellTrial(Api& api, const std::string& name, const Trial& trial);

// Ready, and a voter where it is a member of etcd; else why not: "is not Ready (...)".
std::string notWell(const Node& node);

}  // namespace bedplate::kube
