// What node.yaml sizes by the machine (tuning.conntrack, tuning.inotify), in numbers. Private to apply.
#pragma once

#include <optional>
#include <vector>

#include "agent/cluster/cluster.h"
#include "agent/plan/plan.h"
#include "tuning/host/machine.h"

namespace bedplate::apply {

// "auto" becomes a bound with the number for this machine, an integer a rule for exactly that. The error is the
// machine's, when a size is to be taken from it.
host::Result<std::vector<cluster::SysctlWant>> sizingRules(const cluster::NodeConfig& config,
                                                           const host::Result<host::MachineSize>& machine);

// The drop-in with desired.conntrackHandOver; nullopt when that says nothing. It sorts behind every drop-in of the
// target.
std::optional<plan::FileTarget> conntrackDropIn(const cluster::Desired& desired, const plan::Target& target);

}  // namespace bedplate::apply
