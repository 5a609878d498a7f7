#include "agent/daemon/probe_jobs.h"

#include "agent/daemon/cpu_job.h"

namespace bedplate::daemon {

std::vector<std::unique_ptr<ProbeJob>> probeJobs(const EngineSetup& setup) {
  std::vector<std::unique_ptr<ProbeJob>> jobs;
  jobs.push_back(std::make_unique<CpuJob>(setup.files, setup.clock));
  return jobs;
}

}  // namespace bedplate::daemon
