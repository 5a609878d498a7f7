// Latencies in buckets. Part of the contract of tuning/bench (bench.h).
// Thread-safety: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace bedplate::bench {

// Latencies in nanoseconds, with the bucket arithmetic of fio (stat.h: 29 groups of 64, error under 1/128), so that
// percentiles of the same samples are equal to fio's.
class Histogram {
 public:
  static constexpr std::size_t kBuckets = 29 * 64;
  // Index and count of those that are not empty, by index.
  using Sparse = std::vector<std::pair<std::uint16_t, std::uint32_t>>;

  void add(std::uint64_t ns);
  void merge(const Histogram& other);
  // What sparse() gave, with the greatest sample of it. False, and nothing is added: an index that is none.
  bool merge(const Sparse& sparse, std::uint64_t max);
  // Takes out what merge() added, all but its maximum.
  void take(const Sparse& sparse);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }
  // The middle of the first bucket at which the share of samples reaches `percent` (0 < percent <= 100); 0 when empty.
  [[nodiscard]] std::uint64_t percentile(double percent) const;
  // The same for the sample of this rank, 1 the smallest; that of count() beyond it.
  [[nodiscard]] std::uint64_t ranked(std::uint64_t rank) const;
  // Samples over `ns`; those in the bucket of `ns` itself are not.
  [[nodiscard]] std::uint64_t above(std::uint64_t ns) const;
  [[nodiscard]] const std::vector<std::uint32_t>& buckets() const { return buckets_; }
  [[nodiscard]] Sparse sparse() const;
  static std::size_t indexOf(std::uint64_t ns);
  static std::uint64_t valueOf(std::size_t index);
  // The smallest value of a bucket.
  static std::uint64_t lowestOf(std::size_t index);

 private:
  std::vector<std::uint32_t> buckets_ = std::vector<std::uint32_t>(kBuckets);
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

// What a histogram says. A percentile is unset when fewer than two samples are expected beyond it, that is from fewer
// than 4 samples for p50, 20 for p90, 200 for p99 and 2000 for p99.9: it would be a guess about one of them.
struct Percentiles {
  std::uint64_t count = 0;
  std::optional<std::uint64_t> p50Ns, p90Ns, p99Ns, p999Ns;
  // The 95 % interval of p99 by order statistics: the samples of rank n*.99 -+ 1.96*sqrt(n*.0099), rounded outwards. No
  // upper end where that rank is beyond the last sample. It takes the samples for independent, which those of one stall
  // are not.
  std::optional<std::uint64_t> p99LowNs, p99HighNs;
  std::uint64_t maxNs = 0;
};
Percentiles percentilesOf(const Histogram& histogram);
// How many samples percentile `percent` takes.
std::uint64_t enoughFor(double percent);

}  // namespace bedplate::bench
