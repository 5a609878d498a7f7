// CPU steal as the daemon measures it: /proc/stat each minute and 5 s before it, and one burst of 30 ms a minute on one
// CPU after the other, which is 0.05 % of one CPU.
// Thread-safety: as ProbeJob.
#pragma once

#include <string>
#include <vector>

#include "agent/daemon/probe_thread.h"
#include "agent/daemon/steal_window.h"
#include "tuning/host/clock.h"
#include "tuning/host/files.h"

namespace bedplate::daemon {

class CpuJob final : public ProbeJob {
 public:
  // A sample is to be kept this often; the others are to be shown.
  static constexpr std::int64_t kKeepNs = 30LL * 60 * 1'000'000'000;

  CpuJob(host::HostFiles& files, host::Clock& clock) : files_(files), clock_(clock) {}

  std::optional<std::int64_t> dueNs(const Measuring& measuring, std::int64_t nowNs) override;
  std::optional<Measured> run(const Measuring& measuring, const std::atomic<bool>& cancel) override;

 private:
  void burst();
  bool reported(std::int64_t nowNs);

  host::HostFiles& files_;
  host::Clock& clock_;
  StealWindow window_;
  std::optional<std::int64_t> sampleNs_;  // when the next one is due
  std::optional<std::int64_t> keptNs_;
  bool glanced_ = true;  // before the first one there is nothing to compare
  std::size_t next_ = 0;
  std::optional<std::int64_t> askedNs_;
  bool reported_ = false;
  std::string why_;
};

}  // namespace bedplate::daemon
