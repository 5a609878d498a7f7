// What is known beforehand of the kernel values that a cluster directory wants: who will write over them, and which
// hurt. Internal to compile().
// Thread-safety: free functions.
#pragma once

#include <vector>

#include "agent/cluster/cluster.h"

namespace bedplate::cluster {

// Adds a finding for each value known to hurt, for each that K3s or its kubelet writes over, and for each that a later
// source overrules. Where the kubelet would refuse to start the finding is an error. Fills desired.overwritten.
void adviseOnTuning(Desired& desired, std::vector<Finding>& findings);

}  // namespace bedplate::cluster
