// Reads what K3s's embedded etcd measures of its own disk, every five minutes, so that the disk need not be measured
// by writing to it.
// Thread-safety: used from the probe's thread.
#pragma once

#include <string>

#include "agent/daemon/journal.h"
#include "agent/daemon/probe_thread.h"
#include "agent/source/source.h"
#include "tuning/bench/etcd.h"
#include "tuning/host/files.h"

namespace bedplate::daemon {

// K3s has it listen there always, on loopback and by plain http (docs/bench.md).
inline constexpr const char* kEtcdMetrics = "http://127.0.0.1:2381/metrics";

class EtcdProbe final : public ProbeJob {
 public:
  struct Setup {
    host::Files& files;
    host::Clock& clock;
    Journal& journal;
    source::WorkerSetup worker;
    std::string url = kEtcdMetrics;
    std::int64_t everyNs = bench::EtcdHistory::kShortNs;
  };
  explicit EtcdProbe(Setup setup) : setup_(std::move(setup)) {}

  // Every five minutes where there is a repository.
  std::optional<std::int64_t> dueNs(const Measuring& measuring, std::int64_t nowNs) override;
  // Probe "etcd", to be kept each half hour. Its JSON is "" once etcd is not to be counted on any more: it did not
  // answer twice, or is not this host's datastore any more.
  std::optional<Measured> run(const Measuring& measuring, const std::atomic<bool>& cancel) override;

 private:
  host::Result<bench::EtcdReading> read(const std::atomic<bool>& cancel);
  std::optional<Measured> gone();

  Setup setup_;
  Repeats repeats_;
  bench::EtcdHistory history_;
  std::int64_t lastNs_ = 0, keptNs_ = 0;
  bool began_ = false;    // lastNs_ is a time
  bool counted_ = false;  // it delivered, and has not been given up
  int failures_ = 0;      // since then
};

}  // namespace bedplate::daemon
