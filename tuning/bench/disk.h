// Disk latency as etcd feels it. Part of the contract of tuning/bench (bench.h).
// Thread-safety: free functions; a run takes as long as it is told and is meant for a thread of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "tuning/bench/histogram.h"
#include "tuning/bench/judge.h"
#include "tuning/bench/verdict.h"
#include "tuning/host/files.h"

namespace bedplate::bench {

struct DiskOptions {
  std::string directory;  // below the root; on the file system to measure
  double perSecond = 50;  // paced from a schedule; 0 runs in a closed loop
  std::uint64_t operations = 500;
  std::uint64_t writeBytes = 2300;  // etcd's (facts: 2.8 kB a record under load; fio's recipe 2300)
  std::uint64_t stopAfterNs = 0;    // end at the first sync slower than this; 0: never
  std::uint64_t longestNs = 0;      // end after this time with what there is; 0: never
};

struct CheckpointOptions {
  std::string directory;
  std::uint64_t checkpoints = 20;
  std::uint64_t everyNs = 500'000'000;  // from one's beginning to the next one's; 0: one after the other
  std::uint64_t stopAfterNs = 0;
};

struct DiskResult {
  Histogram service;  // the fdatasync alone, as fio's sync latency
  // From the schedule; empty in a closed loop. Of a run that ended at a stall also what was due while it stood, with
  // the time it had waited: else that stall would be one late response and not the many that it made.
  Histogram response;
  Histogram checkpoints;  // whole checkpoints, where they were measured
  double perSecond = 0;   // as asked for
  std::uint64_t writeBytes = 0;
  std::uint64_t durationNs = 0;
  std::uint64_t stalls = 0;  // syncs over kStallNs
  bool stopped = false;      // ended early at a stall or on request
  bool inMemory = false;     // there is no disk to measure
  bool sqlite = false;       // set by who knows: checkpoints are what counts on this disk
  Judged judged;
};

using Progress = std::function<void(double share)>;

// Writes an unlinked temporary file in `directory`; nothing stays. `cancel`, where given, ends it early.
host::Result<DiskResult> measureDisk(host::HostFiles& files, const DiskOptions& options, const Progress& progress = {},
                                     const std::atomic<bool>* cancel = nullptr);
// What a commit of SQLite waits for when it has to make a checkpoint (kine: journal_mode=WAL, synchronous=NORMAL, 1000
// pages): the flush of the log that the commits before have written, the pages of it into the database, and the flush
// of those. The writing of the log is not timed. Adds to `result`.
host::Status measureCheckpoints(host::HostFiles& files, const CheckpointOptions& options, DiskResult& result,
                                const Progress& progress = {}, const std::atomic<bool>* cancel = nullptr);
// Whether a directory lies in memory only, where a sync says nothing.
host::Result<bool> liesInMemory(host::HostFiles& files, const std::string& directory);
// Sets result.judged.
Verdict judgeDisk(DiskResult& result, const DiskLimits& limits);

}  // namespace bedplate::bench
