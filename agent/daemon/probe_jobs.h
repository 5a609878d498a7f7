// What the daemon measures by itself, in the order of their importance when several are due at once.
#pragma once

#include <memory>
#include <vector>

#include "agent/daemon/engine.h"
#include "agent/daemon/probe_thread.h"

namespace bedplate::daemon {

std::vector<std::unique_ptr<ProbeJob>> probeJobs(const EngineSetup& setup);

}  // namespace bedplate::daemon
