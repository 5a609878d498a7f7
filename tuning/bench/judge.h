// Verdicts on a disk. Part of the contract of tuning/bench (bench.h); their reasons are in docs/bench.md.
// Thread-safety: free functions and plain values.
#pragma once

#include <cstdint>

#include "tuning/bench/histogram.h"
#include "tuning/bench/verdict.h"

namespace bedplate::bench {

inline constexpr std::uint64_t kStallNs = 500'000'000;

struct DiskLimits {
  std::uint64_t p99Ns = 10'000'000;  // etcd's documentation: WAL fsync p99 under 10 ms
  // Of SQLite under kine: what a commit may wait for a checkpoint.
  std::uint64_t checkpointNs = 1'000'000'000;
  bool sqlite = false;  // checkpoints are judged, not the single writes
};

// What was seen on a disk, in one run or in many.
struct DiskSeen {
  Histogram service;         // the fdatasync alone
  Histogram checkpoints;     // empty unless measured
  std::uint64_t stalls = 0;  // syncs over kStallNs
};

// The numbers that decided are in the reason. `margin` scales the limits (kMargin for what is to get better).
Judged judgeDisk(const DiskSeen& seen, const DiskLimits& limits, double margin = 1);

}  // namespace bedplate::bench
