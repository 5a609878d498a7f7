// Latencies in buckets. Part of the contract of tuning/bench (bench.h).
// Thread-safety: plain values.
#pragma once

#include <cstdint>
#include <vector>

namespace bedplate::bench {

// Latencies in nanoseconds, with the bucket arithmetic of fio (stat.h: 29 groups of 64, error under 1/128), so that
// percentiles of the same samples are equal to fio's.
class Histogram {
 public:
  void add(std::uint64_t ns);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }
  // The middle of the first bucket at which the share of samples reaches `percent` (0 < percent <= 100); 0 when empty.
  [[nodiscard]] std::uint64_t percentile(double percent) const;
  [[nodiscard]] const std::vector<std::uint32_t>& buckets() const { return buckets_; }
  static std::size_t indexOf(std::uint64_t ns);
  static std::uint64_t valueOf(std::size_t index);

 private:
  std::vector<std::uint32_t> buckets_ = std::vector<std::uint32_t>(29 * 64);
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace bedplate::bench
