// What K3s's configuration says of the kernel keys that K3s and its kubelet write: arguments for kube-proxy and the
// kubelet. Read from texts, so that it serves Git's files and those on a host alike.
// Thread-safety: free functions and plain values.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cluster/cluster.h"
#include "tuning/sysctl/writers.h"

namespace bedplate::cluster {

struct K3sArguments {
  std::map<std::string, std::string> kubeProxy;  // "conntrack-max-per-core" -> "0"; the last one said counts
  bool protectKernelDefaults = false;            // the kubelet does not start where one of its kernel keys differs
};

// Merged as K3s does it: the last text to say a key counts, "key+" adds to a list. `texts` in K3s's order: config.yaml,
// then config.yaml.d by name. A text that is no mapping says nothing.
K3sArguments k3sArguments(const std::vector<std::string_view>& texts);

// Those of a desired state, in that order, without those that are sealed: they hold none of this (k3s_rules.h).
std::vector<std::string_view> k3sTexts(const Desired& desired);

// By which numbers K3s then writes connection tracking; what cannot be read is as if it were not said.
sysctl::ConntrackNumbers conntrackNumbers(const K3sArguments& arguments);

}  // namespace bedplate::cluster
