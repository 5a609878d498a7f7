// The buckets of fio (stat.h, stat.c): exact below 128 ns, then 64 equal buckets for each power of two.
#include <algorithm>
#include <bit>

#include "tuning/bench/bench.h"

namespace bedplate::bench {
namespace {

constexpr unsigned kBits = 6;
constexpr std::size_t kPerGroup = std::size_t{1} << kBits;
constexpr std::size_t kGroups = 29;
constexpr std::size_t kLast = kGroups * kPerGroup - 1;

}  // namespace

std::size_t Histogram::indexOf(std::uint64_t ns) {
  const auto width = static_cast<unsigned>(std::bit_width(ns));
  if (width <= kBits + 1) return static_cast<std::size_t>(ns);
  const unsigned dropped = width - 1 - kBits;  // low bits that do not count
  const std::size_t group = (std::size_t{dropped} + 1) << kBits;
  return std::min(group + static_cast<std::size_t>((ns >> dropped) & (kPerGroup - 1)), kLast);
}

std::uint64_t Histogram::valueOf(std::size_t index) {
  index = std::min(index, kLast);
  if (index < 2 * kPerGroup) return index;
  const std::size_t dropped = (index >> kBits) - 1;
  const std::uint64_t inGroup = index & (kPerGroup - 1);
  // The middle: (inGroup + 1/2) buckets above the group's start, each 2^dropped wide.
  return (std::uint64_t{1} << (dropped + kBits)) + (inGroup << dropped) + (std::uint64_t{1} << (dropped - 1));
}

void Histogram::add(std::uint64_t ns) {
  ++buckets_[indexOf(ns)];
  ++count_;
  max_ = std::max(max_, ns);
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

}  // namespace bedplate::bench
