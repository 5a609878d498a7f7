// Disk latency as etcd feels it. Part of the contract of tuning/bench (bench.h).
// Thread-safety: free functions; a run takes as long as it is told and is meant for a thread of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "tuning/bench/verdict.h"
#include "tuning/host/files.h"

namespace bedplate::bench {

struct DiskOptions {
  std::string directory;  // below the root; on the file system to measure
  double perSecond = 50;  // paced from a schedule; 0 runs in a closed loop
  std::uint64_t operations = 500;
  std::uint64_t writeBytes = 2300;        // etcd's (facts: 2.8 kB a record under load; fio's recipe 2300)
  std::uint64_t stopAfterNs = 0;          // end at the first sync slower than this; 0: never
  std::uint64_t p99LimitNs = 10'000'000;  // etcd's documentation: WAL fsync p99 under 10 ms
};

struct DiskResult {
  std::uint64_t operations = 0;
  std::uint64_t p50Ns = 0, p90Ns = 0, p99Ns = 0, p999Ns = 0, maxNs = 0;  // the fdatasync alone
  std::uint64_t responseP99Ns = 0, responseMaxNs = 0;                    // from the schedule
  std::uint64_t durationNs = 0;
  std::uint64_t stalls = 0;  // syncs over 500 ms
  bool stopped = false;      // ended early at a stall or on request
  Verdict verdict = Verdict::unknown;
  std::string reason;  // the numbers that decided, in words
};

using Progress = std::function<void(double share)>;

// Writes an unlinked temporary file in `directory`; nothing stays. `cancel`, where given, ends it early.
host::Result<DiskResult> measureDisk(host::HostFiles& files, const DiskOptions& options, const Progress& progress = {},
                                     const std::atomic<bool>* cancel = nullptr);
Verdict judgeDisk(DiskResult& result, const DiskOptions& options);

}  // namespace bedplate::bench
