#include "agent/daemon/probe_jobs.h"

#include "agent/daemon/addons_job.h"
#include "agent/daemon/cpu_job.h"
#include "agent/daemon/disk_job.h"
#include "agent/daemon/etcd_probe.h"
#include "agent/daemon/gitops_probe.h"
#include "agent/daemon/k3s_job.h"

namespace bedplate::daemon {

std::vector<std::unique_ptr<ProbeJob>> probeJobs(const EngineSetup& setup) {
  std::vector<std::unique_ptr<ProbeJob>> jobs;
  jobs.push_back(std::make_unique<CpuJob>(setup.files, setup.clock));
  // Before the disk's: it is not written to where etcd tells.
  jobs.push_back(std::make_unique<EtcdProbe>(
      EtcdProbe::Setup{setup.files, setup.clock, setup.journal, setup.worker, kEtcdMetrics}));
  for (const auto which : {kube::GitOps::argocd, kube::GitOps::flux})
    jobs.push_back(std::make_unique<GitOpsProbe>(setup.files, setup.clock, setup.journal, setup.worker, which));
  jobs.push_back(std::make_unique<DiskJob>(setup.files, setup.clock));
  return jobs;
}

std::vector<std::unique_ptr<ProbeJob>> k3sJobs(const EngineSetup& setup) {
  std::vector<std::unique_ptr<ProbeJob>> jobs;
  jobs.push_back(std::make_unique<K3sJob>(K3sJob::Setup{setup.files, setup.clock, setup.worker, setup.ownKernel}));
  jobs.push_back(std::make_unique<AddonsJob>(AddonsJob::Setup{setup.files, setup.clock, setup.journal, setup.worker}));
  return jobs;
}

}  // namespace bedplate::daemon
