#include "agent/daemon/gitops_probe.h"

#include <utility>

#include "agent/daemon/web_worker.h"

namespace bedplate::daemon {

std::optional<std::int64_t> GitOpsProbe::dueNs(const Measuring& measuring, std::int64_t nowNs) {
  if (!measuring.active) return std::nullopt;
  return began_ ? lastNs_ + kEveryNs : nowNs;
}

host::Result<kube::GitOpsReading> GitOpsProbe::read(const kube::Access& access, const std::atomic<bool>& cancel) {
  BEDPLATE_TRY_LET(auto worker, WebWorker::start(worker_, cancel));
  kube::Api api(worker.session(), access);
  return kube::readGitOps(api, which_);
}

std::optional<Measured> GitOpsProbe::run(const Measuring& /*measuring*/, const std::atomic<bool>& cancel) {
  lastNs_ = clock_.monotonicNs();
  began_ = true;
  const std::string called = kube::called(which_);
  const auto access = kube::readServerKubeconfig(files_);
  // An agent of K3s has none, nor has a host where it was not started yet.
  if (!access && access.error().reason == "NotFound") return std::nullopt;
  auto reading = access ? read(*access, cancel) : host::Result<kube::GitOpsReading>(host::Failure(access.error()));
  if (cancel) return std::nullopt;
  if (!reading || reading->empty()) {
    before_.clear();
    if (!reading) {
      const Entry entry = entryFor(Level::notice, called + "'s reconcile times cannot be read", reading.error());
      if (repeats_.worthSaying("gitops", entry.message, lastNs_)) journal_.say(entry);
    } else if (!std::exchange(absent_, true)) {
      journal_.say({.level = Level::info,
                    .message = called + " is not in this cluster, or has reconciled nothing yet",
                    .reason = "Absent"});
    }
    return std::nullopt;
  }
  absent_ = false;
  repeats_.over("gitops");
  const auto window = kube::between(before_, *reading);
  before_ = *std::move(reading);
  const std::int64_t windowNs = lastNs_ - std::exchange(beforeNs_, lastNs_);
  if (!window || window->count() == 0) return std::nullopt;
  return Measured{"gitops", kube::toJson(which_, *window, windowNs, clock_.wallUs())};
}

}  // namespace bedplate::daemon
