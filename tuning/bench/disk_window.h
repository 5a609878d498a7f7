// Many short runs on one disk, told as one: the rounds of a day and the verdict that they add up to. Part of the
// contract of tuning/bench (bench.h).
// Thread-safety: plain values; a DiskWindow is used from one thread at a time.
#pragma once

#include <cstdint>
#include <deque>

#include "tuning/bench/histogram.h"
#include "tuning/bench/judge.h"
#include "tuning/bench/verdict.h"

namespace bedplate::bench {

// One run, as a stored sample has it.
struct DiskRound {
  std::int64_t wallUs = 0;
  Histogram::Sparse service, checkpoints;
  std::uint64_t maxNs = 0, checkpointMaxNs = 0;
  std::uint64_t stalls = 0;
  bool sqlite = false;
};

struct DiskDay {
  std::int64_t measuredUs = 0;  // of the newest round; 0: none
  std::int64_t windowNs = 0;
  std::size_t rounds = 0;
  bool sqlite = false;  // checkpoints were judged: the newest round is of a disk with SQLite
  DiskSeen seen;        // within the window
  Judged judged;        // with what the rounds before have to say (settle())
};

class DiskWindow {
 public:
  static constexpr std::int64_t kWindowUs = std::int64_t{24} * 3'600'000'000;
  // Verdicts of the day before are followed too, so that a restart does not forget where they stood.
  static constexpr std::int64_t kKeptUs = 2 * kWindowUs;
  static constexpr std::size_t kRounds = 4096;

  // Rounds that are not later than the newest are passed over.
  void add(DiskRound round);
  // What the rounds of the 24 hours before `nowUs` say; limits.sqlite is taken from the newest. Rounds from the future
  // (a clock that was set back) do not count.
  [[nodiscard]] DiskDay day(DiskLimits limits, std::int64_t nowUs) const;

 private:
  std::deque<DiskRound> rounds_;
};

}  // namespace bedplate::bench
