// What probes are told, and what becomes of what they found.
#include "agent/daemon/engine.h"
#include "agent/report/measurements.h"

namespace bedplate::daemon {

host::Status Engine::measured(const Measured& measured) {
  // Each minute's, and shown with the next look at the rest.
  if (measured.probe == "steal") steal_ = measured.json;
  if (measured.probe == "etcd") etcd_ = measured.json.empty() ? std::nullopt : std::optional(measured.json);
  if (!measured.keep || !store_) return {};
  const std::int64_t now = setup_.clock.wallUs();
  const apply::Sample sample{now, measured.probe, measured.sample.empty() ? measured.json : measured.sample};
  if (const auto fsync = report::fsyncSample(sample)) counters_.addFsync(*fsync);
  auto added = store_->addSample(sample);
  if (!added) {
    tellError("sample", "cannot keep a measurement", added.error());
    return added;
  }
  repeats_.over("sample");
  // What etcd tells is as good: after a restart the disk is not written to at once.
  if (measured.probe == "disk" || measured.probe == "etcd") diskMeasuredUs_ = now;
  return {};
}

void Engine::adoptBenchmark(const apply::SyncResult& result) {
  if (!result.benchmark || *result.benchmark == benchmark_) return;
  benchmark_ = *result.benchmark;
  if (auto kept = store_->setBenchmark(benchmark_); !kept)
    tellError("benchmark", "cannot keep the settings of benchmarks", kept.error());
}

Measuring Engine::measuring(const report::Status& status) const {
  Measuring measuring;
  measuring.active = config_ && config_->configured() && store_;
  measuring.node = status.node.name;
  measuring.diskEveryMs = benchmark_.diskEveryMs.value_or(measuring.diskEveryMs);
  measuring.diskForMs = benchmark_.diskForMs.value_or(measuring.diskForMs);
  measuring.diskP99LimitMs = benchmark_.diskP99LimitMs.value_or(measuring.diskP99LimitMs);
  measuring.stealWindowMs = benchmark_.stealWindowMs.value_or(measuring.stealWindowMs);
  measuring.stealLimit = benchmark_.stealLimit.value_or(measuring.stealLimit);
  measuring.diskMeasuredUs = diskMeasuredUs_;
  measuring.passiveDisk = etcd_.has_value();
  return measuring;
}

}  // namespace bedplate::daemon
