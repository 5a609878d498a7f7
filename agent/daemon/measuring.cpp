// What probes are told, and what becomes of what they found.
#include <algorithm>

#include "agent/daemon/engine.h"
#include "agent/report/measurements.h"

namespace bedplate::daemon {
namespace {

constexpr const char* kDisk = "disk";
constexpr const char* kEtcd = "etcd";

}  // namespace

host::Status Engine::measured(const Measured& measured) {
  // Each minute's, and shown with the next look at the rest.
  if (measured.deployed) return deployed(measured.deployed);
  if (measured.probe == "steal") steal_ = measured.json;
  if (measured.probe == kEtcd) etcd_ = measured.json.empty() ? std::nullopt : std::optional(measured.json);
  const std::int64_t now = setup_.clock.wallUs();
  if (measured.probe == kDisk) takeDisk(measured);
  if (!measured.keep || !store_) return {};
  const apply::Sample sample{now, measured.probe, measured.sample.empty() ? measured.json : measured.sample};
  if (const auto fsync = report::fsyncSample(sample)) counters_.addFsync(*fsync);
  auto added = store_->addSample(sample);
  if (!added) {
    tellError("sample", "cannot keep a measurement", added.error());
    return added;
  }
  repeats_.over("sample");
  // What etcd tells is as good: after a restart the disk is not written to at once.
  if (measured.probe == kDisk || measured.probe == kEtcd) diskMeasuredUs_ = now;
  return {};
}

// A round, or why there was none.
void Engine::takeDisk(const Measured& measured) {
  diskSkip_ = bench::diskSkip(measured.json).value_or(bench::DiskSkip{});
  if (measured.keep)
    if (auto round = bench::diskRound(measured.json)) diskWindow_.add(*std::move(round));
  judgeDisk();
}

// What earlier processes measured, and by which settings.
void Engine::readSamples() {
  if (auto benchmark = store_->benchmark()) benchmark_ = *benchmark;
  const std::int64_t since = setup_.clock.wallUs() - bench::DiskWindow::kKeptUs;
  auto samples = store_->samples(kDisk, since, bench::DiskWindow::kRounds);
  if (!samples) return;
  std::reverse(samples->begin(), samples->end());
  for (const auto& sample : *samples)
    if (auto round = bench::diskRound(sample.json)) diskWindow_.add(*std::move(round));
  for (const char* probe : {kDisk, kEtcd})
    if (auto newest = store_->samples(probe, 0, 1); newest && !newest->empty())
      diskMeasuredUs_ = std::max(diskMeasuredUs_, newest->front().wallUs);
  judgeDisk();
}

void Engine::judgeDisk() {
  const std::int64_t now = setup_.clock.wallUs();
  diskJudgedUs_ = now;
  bench::DiskLimits limits;
  if (benchmark_.diskP99LimitMs) limits.p99Ns = static_cast<std::uint64_t>(*benchmark_.diskP99LimitMs) * 1'000'000;
  auto day = diskWindow_.day(limits, now);
  disk_.reset();
  if (day.rounds == 0 && diskSkip_.reason.empty()) return;
  if (day.rounds == 0) {
    day.measuredUs = diskSkip_.wallUs;
    day.judged.reason = "not measured: " + diskSkip_.reason;
  }
  disk_ = bench::toJson(day, diskSkip_);
}

void Engine::adoptBenchmark(const apply::SyncResult& result) {
  if (!result.benchmark || *result.benchmark == benchmark_) return;
  benchmark_ = *result.benchmark;
  judgeDisk();
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
  measuring.manifests = manifests_;
  measuring.k3s = k3sOrder_;
  return measuring;
}

}  // namespace bedplate::daemon
