#include "agent/report/findings.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace bedplate::report {
namespace {

// The first bucket at which the share of the flushes reaches `share`.
std::optional<double> quantile(const std::vector<std::pair<double, std::int64_t>>& buckets, double share) {
  std::int64_t total = 0;
  for (const auto& [seconds, count] : buckets) total += count;
  // The rank of a p99 says something from a hundred samples on.
  constexpr std::int64_t kFewest = 100;
  if (total < kFewest) return std::nullopt;
  const double wanted = static_cast<double>(total) * share;
  std::int64_t sum = 0;
  for (const auto& [seconds, count] : buckets) {
    sum += count;
    if (static_cast<double>(sum) >= wanted) return std::isfinite(seconds) ? std::optional(seconds) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<double> median(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The worst that was seen of the host in one window of reconciling.
struct Meanwhile {
  double mean = 0;
  std::optional<double> flushP99, visible, hidden, ioPressure;
};

void raise(std::optional<double>& most, const std::optional<double>& value) {
  if (value) most = std::max(most.value_or(*value), *value);
}

Meanwhile meanwhile(const Measurements& measured, const ReconcileSample& reconciles) {
  Meanwhile window;
  window.mean = reconciles.mean;
  const auto within = [&](std::int64_t us) { return us <= reconciles.us && us > reconciles.us - reconciles.windowUs; };
  for (const auto& one : measured.fsync)
    if (within(one.us)) raise(window.flushP99, one.p99);
  for (const auto& one : measured.steal) {
    if (!within(one.us)) continue;
    raise(window.visible, one.visible);
    raise(window.hidden, one.hidden);
    raise(window.ioPressure, one.ioPressure);
  }
  return window;
}

HostMeanwhile mediansOf(const std::vector<Meanwhile>& windows) {
  const auto of = [&](auto value) {
    std::vector<double> known;
    for (const auto& one : windows)
      if (const std::optional<double> number = value(one)) known.push_back(*number);
    return median(std::move(known));
  };
  HostMeanwhile all;
  all.results = windows.size();
  all.mean = of([](const Meanwhile& one) { return std::optional(one.mean); }).value_or(0);
  all.flushP99 = of([](const Meanwhile& one) { return one.flushP99; });
  all.visible = of([](const Meanwhile& one) { return one.visible; });
  all.hidden = of([](const Meanwhile& one) { return one.hidden; });
  all.ioPressure = of([](const Meanwhile& one) { return one.ioPressure; });
  return all;
}

}  // namespace

std::optional<FsyncFindings> fsyncFindings(const std::vector<FsyncSample>& samples, FsyncSample::Source source,
                                           double limit) {
  FsyncFindings all;
  std::map<double, std::int64_t> buckets;
  double sum = 0;
  for (const auto& one : samples) {
    if (one.source != source) continue;
    ++all.results;
    all.flushes += one.count;
    all.stalls += one.stalls;
    sum += one.mean * static_cast<double>(one.count);
    for (const auto& [seconds, count] : one.buckets) buckets[seconds] += count;
    if (!one.p99) continue;
    if (*one.p99 > limit) ++all.over;
    if (*one.p99 <= all.worstP99) continue;
    all.worstP99 = *one.p99;
    all.worstUs = one.us;
  }
  if (all.results == 0) return std::nullopt;
  all.mean = all.flushes > 0 ? sum / static_cast<double>(all.flushes) : 0;
  all.buckets.assign(buckets.begin(), buckets.end());
  // Each bucket of etcd begins at half its bound. One that only ends above the limit is not held against the disk.
  for (const auto& [seconds, count] : all.buckets)
    if ((source == FsyncSample::Source::probe ? seconds : seconds / 2) >= limit) all.slow += count;
  all.p50 = quantile(all.buckets, 0.50);
  all.p99 = quantile(all.buckets, 0.99);
  return all;
}

std::optional<StealFindings> stealFindings(const std::vector<StealSample>& samples,
                                           std::optional<double> StealSample::* kind, double limit) {
  StealFindings all;
  std::vector<double> values;
  for (const auto& one : samples) {
    const auto& share = one.*kind;
    if (!share) continue;
    values.push_back(*share);
    if (*share > limit) ++all.over;
    if (all.mostUs != 0 && *share <= all.most) continue;
    all.most = *share;
    all.mostUs = one.us;
  }
  if (values.empty()) return std::nullopt;
  all.results = values.size();
  all.median = *median(std::move(values));
  return all;
}

std::optional<ReconcileFindings> reconcileFindings(const std::vector<ReconcileSample>& samples,
                                                   ReconcileSample::Source source) {
  ReconcileFindings all;
  std::map<double, std::int64_t> buckets;
  double sum = 0;
  for (const auto& one : samples) {
    if (one.source != source) continue;
    ++all.results;
    all.reconciles += one.count;
    sum += one.mean * static_cast<double>(one.count);
    for (const auto& [seconds, count] : one.buckets) buckets[seconds] += count;
    if (all.worstUs != 0 && one.mean <= all.worstMean) continue;
    all.worstMean = one.mean;
    all.worstUs = one.us;
  }
  if (all.results == 0) return std::nullopt;
  all.mean = sum / static_cast<double>(all.reconciles);
  const std::vector<std::pair<double, std::int64_t>> together(buckets.begin(), buckets.end());
  all.p50 = quantile(together, 0.50);
  all.p99 = quantile(together, 0.99);
  return all;
}

std::optional<ReconcilesBeside> reconcilesBeside(const Measurements& measured, ReconcileSample::Source source) {
  constexpr std::size_t kFewest = 8, kSlowest = 4;  // one in four
  std::vector<Meanwhile> windows;
  for (const auto& one : measured.reconciles) {
    if (one.source != source) continue;
    const Meanwhile window = meanwhile(measured, one);
    if (window.flushP99 || window.visible || window.hidden) windows.push_back(window);
  }
  if (windows.size() < kFewest) return std::nullopt;
  std::stable_sort(windows.begin(), windows.end(), [](const auto& a, const auto& b) { return a.mean > b.mean; });
  const auto others = windows.begin() + static_cast<std::ptrdiff_t>(windows.size() / kSlowest);
  return ReconcilesBeside{mediansOf({windows.begin(), others}), mediansOf({others, windows.end()})};
}

}  // namespace bedplate::report
