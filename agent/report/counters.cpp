#include "agent/report/counters.h"

#include <algorithm>
#include <numeric>

namespace bedplate::report {

void Buckets::add(double value, std::int64_t times) { add(value, times, value * static_cast<double>(times)); }

void Buckets::add(double value, std::int64_t times, double sum) {
  if (!(value >= 0) || !(sum >= 0) || times <= 0) return;
  const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[static_cast<std::size_t>(at)] += times;
  sum_ += sum;
}

std::int64_t Buckets::total() const { return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0}); }

std::vector<double> etcdBounds() {
  constexpr int kBounds = 14;  // 1 ms, doubled up to 8.192 s
  std::vector<double> bounds;
  bounds.reserve(kBounds);
  for (int i = 0; i < kBounds; ++i) bounds.push_back(static_cast<double>(1 << i) / 1000);
  return bounds;
}

std::vector<double> probeBounds() {
  std::vector<double> bounds = {0.0001, 0.00025, 0.0005};
  const auto rest = etcdBounds();
  bounds.insert(bounds.end(), rest.begin(), rest.end());
  return bounds;
}

void Counters::addFsync(const FsyncSample& sample) {
  Buckets& into = sample.source == FsyncSample::Source::etcd ? etcdFsync : probeFsync;
  if (sample.source == FsyncSample::Source::probe) {
    for (const auto& [seconds, times] : sample.buckets) into.add(seconds, times);
    return;
  }
  // Of etcd's values only the bounds and their mean are known: the sum is that of the mean.
  double sum = sample.mean * static_cast<double>(sample.count);
  for (const auto& [seconds, times] : sample.buckets) {
    into.add(seconds, times, sum);
    if (times > 0) sum = 0;
  }
}

}  // namespace bedplate::report
