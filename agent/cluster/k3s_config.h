// K3s's configuration as K3s merges it (pkg/configfilearg/parser.go), from texts: Git's files and those on a host
// alike. Thread-safety: free functions and plain values.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cluster/yaml.h"

namespace bedplate::cluster {

struct K3sText {
  std::string file;  // for findings
  std::string_view text;
  bool secret = false;  // its values are not to be shown
};

struct K3sItem {
  std::string text;
  std::string file;
  yaml::Place at;
  bool secret = false;
};

// By key, without the "+" that adds.
using K3sConfig = std::map<std::string, std::vector<K3sItem>>;

// In K3s's order: config.yaml, then config.yaml.d by name. The last text to say a key counts, "key+" adds to what was
// said. A text that is no mapping says nothing; what is neither a scalar nor a list of scalars says nothing for its
// key.
K3sConfig effectiveConfig(const std::vector<K3sText>& texts);

// Overwrites the values.
void wipe(K3sConfig& config);

}  // namespace bedplate::cluster
