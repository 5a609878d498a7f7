// What the daemon measures by itself, in the order of their importance when several are due at once.
#pragma once

#include <memory>
#include <vector>

#include "agent/daemon/engine.h"
#include "agent/daemon/probe_thread.h"

namespace bedplate::daemon {

std::vector<std::unique_ptr<ProbeJob>> probeJobs(const EngineSetup& setup);

// What it asks K3s, in a thread beside that: a K3s that answers slowly must not hold up a measurement.
std::vector<std::unique_ptr<ProbeJob>> k3sJobs(const EngineSetup& setup);

}  // namespace bedplate::daemon
