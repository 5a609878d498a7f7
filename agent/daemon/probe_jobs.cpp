#include "agent/daemon/probe_jobs.h"

#include "agent/daemon/cpu_job.h"
#include "agent/daemon/etcd_probe.h"

namespace bedplate::daemon {

std::vector<std::unique_ptr<ProbeJob>> probeJobs(const EngineSetup& setup) {
  std::vector<std::unique_ptr<ProbeJob>> jobs;
  jobs.push_back(std::make_unique<CpuJob>(setup.files, setup.clock));
  // First, as the disk is not written to where etcd tells.
  jobs.push_back(std::make_unique<EtcdProbe>(
      EtcdProbe::Setup{setup.files, setup.clock, setup.journal, setup.worker, kEtcdMetrics}));
  return jobs;
}

}  // namespace bedplate::daemon
