// Kubernetes manifests, as far as a node may judge them: every document is an object with a name.
// Thread-safety: free functions.
#pragma once

#include <string_view>
#include <vector>

#include "agent/cluster/yaml.h"

namespace bedplate::cluster {

// What is wrong with a manifest (YAML or JSON, several documents, lists of objects); empty when nothing is. No tree is
// built: this runs over every manifest of a repository on every node.
std::vector<yaml::Problem> checkManifest(std::string_view text);

}  // namespace bedplate::cluster
