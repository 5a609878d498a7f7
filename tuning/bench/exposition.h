// Histograms and values out of Prometheus' text format (version 0.0.4), as etcd, Argo CD and Flux expose them. Part of
// the contract of tuning/bench (bench.h).
// Thread-safety: plain values and free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tuning/host/result.h"

namespace bedplate::bench {

// A histogram of durations, whose buckets end where the exporter said.
struct Latencies {
  std::vector<std::uint64_t> leNs;    // where each bucket ends, ascending; without the last one, which has no end
  std::vector<std::uint64_t> counts;  // of each bucket alone, one more than leNs
  double sumNs = 0;

  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] std::uint64_t meanNs() const;  // 0 when empty
  // Of those that took longer than `ns`, rounded up to the next end of a bucket.
  [[nodiscard]] std::uint64_t over(std::uint64_t ns) const;
};

// A quantile as far as buckets can tell one.
struct Quantile {
  enum class Is {
    unknown,  // too few observations: fewer than two would lie above it, or fewer than 20 in all
    below,    // in the first bucket, which begins at nothing: under `ns`, where that bucket ends
    about,    // interpolated within a bucket as Prometheus' histogram_quantile() does: linear between its ends
    above,    // in the last bucket, which has no end: over `ns`, where that bucket begins
  };
  Is is = Is::unknown;
  std::uint64_t ns = 0;
};
Quantile quantile(const Latencies& latencies, double share);  // 0 < share < 1

// All series of this name added up, whatever their labels. nullopt when there is none; "Malformed" when a line of it is
// not what the format says, when series differ in their buckets, or when one has more than 64.
host::Result<std::optional<Latencies>> parseLatencies(std::string_view text, std::string_view name);
// The value of the first series of this name; nullopt when there is none that is a finite number.
std::optional<double> parseValue(std::string_view text, std::string_view name);

// {"count":...,"meanNs":...,"p50Ns":...,"p99Ns":...,"enough":...,"firstBucketNs":...,"buckets":[...]}: docs/bench.md.
std::string toJson(const Latencies& latencies);

// What was observed between two readings; nullopt when the counters are not of one life: anything became less, or the
// buckets are others.
std::optional<Latencies> since(const Latencies& before, const Latencies& after);

}  // namespace bedplate::bench
