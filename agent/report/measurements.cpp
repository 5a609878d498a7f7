#include "agent/report/measurements.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "tuning/bench/histogram.h"

namespace bedplate::report {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kTextLimit = 1 << 20;
constexpr std::size_t kBucketLimit = 4096;
constexpr std::int64_t kMostInBucket = 1'000'000'000'000;  // so that no sum of them overflows
constexpr std::size_t kMost = 2000;

std::optional<double> numberAt(const Json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end() || !at->is_number()) return std::nullopt;
  const double value = at->get<double>();
  if (!std::isfinite(value) || value < 0) return std::nullopt;
  return value;
}

std::optional<double> shareAt(const Json& object, const char* key) {
  const auto share = numberAt(object, key);
  return share && *share <= 1 ? share : std::nullopt;
}

// Longer than a week no flush takes.
constexpr double kLongestNs = 6e14;

std::optional<double> secondsAt(const Json& object, const char* key) {
  const auto ns = numberAt(object, key);
  return ns && *ns <= kLongestNs ? std::optional(*ns / 1e9) : std::nullopt;
}

std::int64_t countAt(const Json& object, const char* key) {
  constexpr double kMostCount = 1e14;
  const auto value = numberAt(object, key);
  return value && *value < kMostCount ? std::llround(*value) : 0;
}

std::string textAt(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

const Json* objectAt(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_object() ? &*at : nullptr;
}

std::optional<Json> parsed(const apply::Sample& sample) {
  if (sample.json.size() > kTextLimit) return std::nullopt;
  Json json = Json::parse(sample.json, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  return json;
}

// [[what, how many], ...]; `toSeconds` gives nullopt for a `what` that cannot be.
template <class ToSeconds>
std::vector<std::pair<double, std::int64_t>> bucketsAt(const Json& object, ToSeconds toSeconds) {
  std::vector<std::pair<double, std::int64_t>> buckets;
  const auto at = object.find("buckets");
  if (at == object.end() || !at->is_array() || at->size() > kBucketLimit) return buckets;
  for (const auto& pair : *at) {
    if (!pair.is_array() || pair.size() != 2 || !pair[1].is_number_integer()) continue;
    const std::optional<double> seconds = toSeconds(pair[0]);
    const auto count = pair[1].get<std::int64_t>();
    if (seconds && count > 0 && count <= kMostInBucket) buckets.emplace_back(*seconds, count);
  }
  return buckets;
}

std::optional<double> middleOfFio(const Json& index) {
  constexpr std::int64_t kBuckets = 29 * 64;
  if (!index.is_number_integer()) return std::nullopt;
  const auto at = index.get<std::int64_t>();
  if (at < 0 || at >= kBuckets) return std::nullopt;
  return static_cast<double>(bench::Histogram::valueOf(static_cast<std::size_t>(at))) / 1e9;
}

// Over all bounds is written as null.
std::optional<double> upperBound(const Json& bound) {
  if (bound.is_null()) return std::numeric_limits<double>::infinity();
  if (!bound.is_number() || bound.get<double>() < 0 || bound.get<double>() > kLongestNs) return std::nullopt;
  return bound.get<double>() / 1e9;
}

FsyncSample ofProbe(const Json& json) {
  FsyncSample one;
  one.source = FsyncSample::Source::probe;
  one.count = countAt(json, "operations");
  one.p50 = secondsAt(json, "p50Ns");
  one.p99 = secondsAt(json, "p99Ns");
  one.max = secondsAt(json, "maxNs").value_or(0);
  one.stalls = countAt(json, "stalls");
  one.sqlite = textAt(json, "judgedBy") == "checkpoints";
  // A run ends at a stall, with too few flushes for a p99. The stall is what there is to see, so it stands for it.
  if (!one.p99 && one.stalls > 0 && one.max > 0) one.p99 = one.max;
  one.buckets = bucketsAt(json, middleOfFio);
  double sum = 0;
  std::int64_t count = 0;
  for (const auto& [seconds, times] : one.buckets) {
    sum += seconds * static_cast<double>(times);
    count += times;
  }
  if (count > 0) one.mean = sum / static_cast<double>(count);
  return one;
}

FsyncSample ofEtcd(const Json& json) {
  FsyncSample one;
  one.source = FsyncSample::Source::etcd;
  one.count = countAt(json, "count");
  one.mean = secondsAt(json, "meanNs").value_or(0);
  one.p50 = secondsAt(json, "p50Ns");
  one.p99 = secondsAt(json, "p99Ns");
  one.below = secondsAt(json, "firstBucketNs").value_or(0);
  one.buckets = bucketsAt(json, upperBound);
  return one;
}

template <class T, class Convert>
void addAll(const std::vector<apply::Sample>& samples, std::vector<T>& out, Convert convert) {
  for (const auto& sample : samples)
    if (auto one = convert(sample)) out.push_back(std::move(*one));
}

}  // namespace

std::optional<FsyncSample> fsyncSample(const apply::Sample& sample) {
  const auto json = parsed(sample);
  if (!json) return std::nullopt;
  FsyncSample one;
  if (sample.probe == "disk") {
    one = ofProbe(*json);
  } else if (const Json* wal = sample.probe == "etcd" ? objectAt(*json, "walFsync") : nullptr) {
    one = ofEtcd(*wal);
  }
  if (one.count == 0) return std::nullopt;
  one.us = sample.wallUs;
  one.verdict = textAt(*json, "verdict");
  one.reason = textAt(*json, "reason");
  return one;
}

std::optional<StealSample> stealSample(const apply::Sample& sample) {
  const auto json = parsed(sample);
  if (!json || sample.probe != "steal") return std::nullopt;
  StealSample one;
  one.us = sample.wallUs;
  one.verdict = textAt(*json, "verdict");
  one.reason = textAt(*json, "reason");
  one.visible = shareAt(*json, "ratio");
  if (const Json* hidden = objectAt(*json, "hidden")) one.hidden = shareAt(*hidden, "ratio");
  if (const Json* pressure = objectAt(*json, "pressure")) {
    one.cpuPressure = shareAt(*pressure, "cpu");
    one.ioPressure = shareAt(*pressure, "io");
    one.memoryPressure = shareAt(*pressure, "memory");
  }
  return one;
}

const char* name(ReconcileSample::Source source) {
  return source == ReconcileSample::Source::argocd ? "argocd" : "flux";
}

const char* called(ReconcileSample::Source source) {
  return source == ReconcileSample::Source::argocd ? "Argo CD" : "Flux";
}

std::optional<ReconcileSample> reconcileSample(const apply::Sample& sample) {
  const auto json = parsed(sample);
  if (!json || sample.probe != "gitops") return std::nullopt;
  ReconcileSample one;
  const std::string source = textAt(*json, "source");
  for (const auto known : {ReconcileSample::Source::argocd, ReconcileSample::Source::flux})
    if (source == name(known)) one.source = known;
  one.count = countAt(*json, "count");
  const auto mean = secondsAt(*json, "meanNs");
  const auto window = secondsAt(*json, "windowNs");
  if (source != name(one.source) || one.count == 0 || !mean || !window) return std::nullopt;
  one.us = sample.wallUs;
  one.windowUs = std::llround(*window * 1e6);
  one.mean = *mean;
  one.p50 = secondsAt(*json, "p50Ns");
  one.p99 = secondsAt(*json, "p99Ns");
  one.buckets = bucketsAt(*json, upperBound);
  return one;
}

host::Result<Measurements> measurements(apply::Store& store, std::int64_t fromUs, std::int64_t toUs) {
  Measurements all;
  all.fromUs = fromUs;
  all.toUs = toUs;
  for (const char* probe : {"disk", "etcd"}) {
    BEDPLATE_TRY_LET(const auto samples, store.samples(probe, fromUs, kMost));
    addAll(samples, all.fsync, fsyncSample);
  }
  const FsyncSample* newest = nullptr;
  for (const auto& one : all.fsync)
    if (newest == nullptr || one.us > newest->us) newest = &one;
  all.sqlite = newest != nullptr && newest->sqlite;
  BEDPLATE_TRY_LET(const auto steal, store.samples("steal", fromUs, kMost));
  addAll(steal, all.steal, stealSample);
  BEDPLATE_TRY_LET(const auto gitops, store.samples("gitops", fromUs, kMost));
  addAll(gitops, all.reconciles, reconcileSample);
  BEDPLATE_TRY_LET(all.commits, store.commits(fromUs, kMost));
  BEDPLATE_TRY_LET(all.drift, store.drift(fromUs, kMost));
  BEDPLATE_TRY_LET(const auto set, store.benchmark());
  if (set.diskP99LimitMs) all.diskLimit = static_cast<double>(*set.diskP99LimitMs) / 1000;
  all.stealLimit = set.stealLimit.value_or(all.stealLimit);
  std::reverse(all.commits.begin(), all.commits.end());
  std::reverse(all.drift.begin(), all.drift.end());
  std::reverse(all.steal.begin(), all.steal.end());
  std::reverse(all.reconciles.begin(), all.reconciles.end());
  std::stable_sort(all.fsync.begin(), all.fsync.end(), [](const auto& a, const auto& b) { return a.us < b.us; });
  return all;
}

}  // namespace bedplate::report
