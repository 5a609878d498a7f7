// What is wrong with K3s's configuration of a desired state. Internal to compile().
// Thread-safety: free functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cluster/cluster.h"

namespace bedplate::cluster {

// The floor of bedplate.conf with what node.yaml tightens.
Policy tightened(const Policy& floor, const NodeConfig& config);

// Adds findings on keys of k3s/: a server's key on an agent stops k3s-agent and is an error, one that K3s does not know
// a warning; a credential where raw secrets are denied an error, else a warning; a host that the policy does not name
// an error. Of registries.yaml the endpoints and the passwords are looked at.
void judgeK3sConfig(const Desired& desired, const Policy& policy, std::vector<Finding>& findings);

// The hosts that a value of an endpoint key names: of a URL, a list of URLs, a data source of K3s's kine
// ("mysql://user:pw@tcp(db.example.com:3306)/k3s"), or "host:port".
std::vector<std::string> hostsOf(std::string_view value);
// Whether the host fits one of the patterns, in which '*' stands for any text. This machine itself always does.
bool hostAllowed(const std::string& host, const std::vector<std::string>& patterns);

}  // namespace bedplate::cluster
