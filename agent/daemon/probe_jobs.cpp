#include "agent/daemon/probe_jobs.h"

namespace bedplate::daemon {

std::vector<std::unique_ptr<ProbeJob>> probeJobs(const EngineSetup& /*setup*/) { return {}; }

}  // namespace bedplate::daemon
