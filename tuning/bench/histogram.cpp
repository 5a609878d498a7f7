// The buckets of fio (stat.h, stat.c): exact below 128 ns, then 64 equal buckets for each power of two.
#include "tuning/bench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace bedplate::bench {
namespace {

constexpr unsigned kBits = 6;
constexpr std::size_t kPerGroup = std::size_t{1} << kBits;
constexpr std::size_t kLast = Histogram::kBuckets - 1;

}  // namespace

std::size_t Histogram::indexOf(std::uint64_t ns) {
  const auto width = static_cast<unsigned>(std::bit_width(ns));
  if (width <= kBits + 1) return static_cast<std::size_t>(ns);
  const unsigned dropped = width - 1 - kBits;  // low bits that do not count
  const std::size_t group = (std::size_t{dropped} + 1) << kBits;
  return std::min(group + static_cast<std::size_t>((ns >> dropped) & (kPerGroup - 1)), kLast);
}

std::uint64_t Histogram::lowestOf(std::size_t index) {
  index = std::min(index, kLast);
  if (index < 2 * kPerGroup) return index;
  const std::size_t dropped = (index >> kBits) - 1;
  return (std::uint64_t{1} << (dropped + kBits)) + (std::uint64_t{index & (kPerGroup - 1)} << dropped);
}

std::uint64_t Histogram::valueOf(std::size_t index) {
  index = std::min(index, kLast);
  if (index < 2 * kPerGroup) return index;
  // The middle: a bucket is 2^dropped wide.
  const std::size_t dropped = (index >> kBits) - 1;
  return lowestOf(index) + (std::uint64_t{1} << (dropped - 1));
}

void Histogram::add(std::uint64_t ns) {
  ++buckets_[indexOf(ns)];
  ++count_;
  max_ = std::max(max_, ns);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

bool Histogram::merge(const Sparse& sparse, std::uint64_t max) {
  if (std::any_of(sparse.begin(), sparse.end(), [](const auto& one) { return one.first >= kBuckets; })) return false;
  for (const auto& [index, count] : sparse) {
    buckets_[index] += count;
    count_ += count;
  }
  if (!sparse.empty()) max_ = std::max(max_, max);
  return true;
}

void Histogram::take(const Sparse& sparse) {
  for (const auto& [index, count] : sparse) {
    buckets_[index] -= count;
    count_ -= count;
  }
}

Histogram::Sparse Histogram::sparse() const {
  Sparse sparse;
  for (std::size_t i = 0; i < kBuckets; ++i)
    if (buckets_[i] != 0) sparse.emplace_back(static_cast<std::uint16_t>(i), buckets_[i]);
  return sparse;
}

std::uint64_t Histogram::percentile(double percent) const {
  if (count_ == 0) return 0;
  // fio's expression, in its types: another rounding would move a percentile by a bucket.
  const long double wanted = static_cast<long double>(percent) / 100.0L * static_cast<long double>(count_);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    sum += buckets_[i];
    if (buckets_[i] != 0 && static_cast<long double>(sum) >= wanted) return valueOf(i);
  }
  return max_;
}

std::uint64_t Histogram::ranked(std::uint64_t rank) const {
  std::uint64_t sum = 0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    if (buckets_[i] == 0) continue;
    sum += buckets_[i];
    last = i;
    if (sum >= rank) break;
  }
  return valueOf(last);
}

std::uint64_t Histogram::above(std::uint64_t ns) const {
  std::uint64_t sum = 0;
  for (std::size_t i = indexOf(ns) + 1; i < kBuckets; ++i) sum += buckets_[i];
  return sum;
}

std::uint64_t enoughFor(double percent) {
  return static_cast<std::uint64_t>(std::llround(2.0 * 100.0 / (100.0 - percent)));
}

Percentiles percentilesOf(const Histogram& histogram) {
  Percentiles result;
  result.count = histogram.count();
  result.maxNs = histogram.max();
  // The middle of a bucket may lie above the greatest sample in it.
  const auto at = [&](double percent) -> std::optional<std::uint64_t> {
    if (histogram.count() < enoughFor(percent)) return std::nullopt;
    return std::min(histogram.percentile(percent), histogram.max());
  };
  result.p50Ns = at(50);
  result.p90Ns = at(90);
  result.p99Ns = at(99);
  result.p999Ns = at(99.9);
  if (!result.p99Ns) return result;
  const auto n = static_cast<double>(histogram.count());
  const double reach = 1.96 * std::sqrt(n * 0.99 * 0.01);
  const double low = std::floor(n * 0.99 - reach), high = std::ceil(n * 0.99 + reach);
  result.p99LowNs = std::min(histogram.ranked(static_cast<std::uint64_t>(std::max(low, 1.0))), histogram.max());
  if (high <= n) result.p99HighNs = std::min(histogram.ranked(static_cast<std::uint64_t>(high)), histogram.max());
  return result;
}

}  // namespace bedplate::bench
