// policy.endpoints where no key of K3s's files says the host plainly: what K3s reaches when nothing is said, what it
// falls back to, its components' arguments, and what manifests tell it to fetch. Internal to compile().
// Thread-safety: free functions.
#pragma once

#include <vector>

#include "agent/cluster/cluster.h"
#include "agent/cluster/manifest_rules.h"

namespace bedplate::cluster {

// Adds an error for each host that the policy does not name; without policy.endpoints none. A credential among a
// chart's values is a warning, always. `snapshot` is the whole directory: an agent's images depend on its servers'
// keys.
void judgeEndpoints(const Desired& desired, const source::Snapshot& snapshot,
                    const std::vector<JudgedManifest>& manifests, const Policy& policy, std::vector<Finding>& findings);

}  // namespace bedplate::cluster
