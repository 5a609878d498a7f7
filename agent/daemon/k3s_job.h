// Does what an order says about K3s: a look each 15 s, and a restart from its beginning to its end.
// Thread-safety: used from the thread of K3s's jobs.
#pragma once

#include <atomic>
#include <memory>

#include "agent/apply/host_reach.h"
#include "agent/apply/k3s_hands.h"
#include "agent/daemon/probe_thread.h"
#include "agent/k3s/unit.h"
#include "agent/source/source.h"
#include "tuning/host/files.h"

namespace bedplate::daemon {

class K3sJob final : public ProbeJob {
 public:
  static constexpr std::int64_t kEveryNs = 15'000'000'000;

  struct Setup {
    host::HostFiles& files;
    host::Clock& clock;
    source::WorkerSetup worker;
    bool ownJournal = false;
  };
  explicit K3sJob(Setup setup);

  // At once when there is another order, else each 15 s.
  std::optional<std::int64_t> dueNs(const Measuring& measuring, std::int64_t nowNs) override;
  // Probe "k3s-restart"; nothing when a look found what the last one did.
  std::optional<Measured> run(const Measuring& measuring, const std::atomic<bool>& cancel) override;

 private:
  apply::K3sTools tools();

  Setup setup_;
  k3s::SystemdUnit unit_;
  apply::HostReach reach_;
  const std::atomic<bool>* cancel_ = nullptr;  // of the run that goes on
  apply::K3sHands hands_;
  std::shared_ptr<const apply::K3sOrder> order_;  // that was worked at last
  std::int64_t nextNs_ = 0;
  std::optional<apply::K3sNews> last_;
};

}  // namespace bedplate::daemon
