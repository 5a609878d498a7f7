// Reads how long Argo CD or Flux take to reconcile, every half hour, on a server that has K3s's kubeconfig.
// Thread-safety: used from the probe's thread.
#pragma once

#include <string>

#include "agent/daemon/journal.h"
#include "agent/daemon/probe_thread.h"
#include "agent/kube/gitops.h"
#include "tuning/host/files.h"

namespace bedplate::daemon {

class GitOpsProbe final : public ProbeJob {
 public:
  static constexpr std::int64_t kEveryNs = 1'800'000'000'000;

  GitOpsProbe(host::Files& files, host::Clock& clock, Journal& journal, source::WorkerSetup worker, kube::GitOps which)
      : files_(files), clock_(clock), journal_(journal), worker_(std::move(worker)), which_(which) {}

  // Every half hour where there is a repository.
  std::optional<std::int64_t> dueNs(const Measuring& measuring, std::int64_t nowNs) override;
  // Probe "gitops": what was reconciled since the last time; nothing where nothing was, and where it is not in the
  // cluster, which is said once.
  std::optional<Measured> run(const Measuring& measuring, const std::atomic<bool>& cancel) override;

 private:
  host::Result<kube::GitOpsReading> read(const kube::Access& access, const std::atomic<bool>& cancel);

  host::Files& files_;
  host::Clock& clock_;
  Journal& journal_;
  source::WorkerSetup worker_;
  kube::GitOps which_;
  Repeats repeats_;
  kube::GitOpsReading before_;
  std::int64_t lastNs_ = 0, beforeNs_ = 0;
  bool began_ = false;   // lastNs_ is a time
  bool absent_ = false;  // and that was said
};

}  // namespace bedplate::daemon
