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
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  all.median = *middle;
  return all;
}

}  // namespace bedplate::report
