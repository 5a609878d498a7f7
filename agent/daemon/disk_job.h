// The daemon's look at the disk: a paced run now and then (docs/bench.md). It writes 10 times a second for 20 seconds
// each 30 minutes, or as node.yaml says, and leaves alone a disk that is busy, or whose etcd tells by itself.
// Thread-safety: used from the probe's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/daemon/probe_thread.h"
#include "tuning/host/clock.h"
#include "tuning/host/files.h"

namespace bedplate::daemon {

class DiskJob final : public ProbeJob {
 public:
  // A node that starts has other things to do; and a fleet that starts together must not measure together.
  static constexpr std::int64_t kFirstNs = 3 * 60'000'000'000;
  static constexpr std::int64_t kSpreadNs = 10 * 60'000'000'000;
  static constexpr std::int64_t kRetryNs = 5 * 60'000'000'000;
  // Share of the last 10 s in which some task waited for a disk.
  static constexpr double kBusy = 0.2;

  DiskJob(host::HostFiles& files, host::Clock& clock) : files_(files), clock_(clock) {}
  std::optional<std::int64_t> dueNs(const Measuring& measuring, std::int64_t nowNs) override;
  std::optional<Measured> run(const Measuring& measuring, const std::atomic<bool>& cancel) override;

 private:
  std::string whyNot(const std::string& directory);
  host::Result<std::string> measure(const Measuring& measuring, const std::atomic<bool>& cancel);

  host::HostFiles& files_;
  host::Clock& clock_;
  std::optional<std::int64_t> startNs_;  // of the first question
  std::int64_t retryNs_ = 0;             // not before, after a round that was not made
  std::optional<std::int64_t> lastNs_;   // when the last run began, also that of an earlier process
};

}  // namespace bedplate::daemon
