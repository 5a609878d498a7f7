// What node.yaml says of kernel keys, as rules. Internal to compile().
#pragma once

#include <vector>

#include "agent/cluster/cluster.h"

namespace bedplate::cluster {

std::vector<SysctlWant> profileRules(const NodeConfig& config);
std::vector<SysctlWant> floorRules(const NodeConfig& config);

// Fills desired.conntrackHandOver. Adds a warning where the K3s configuration itself makes K3s set what
// tuning.conntrack sets.
void handOverConntrack(Desired& desired, std::vector<Finding>& findings);

}  // namespace bedplate::cluster
