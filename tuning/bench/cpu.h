// What a node's CPUs are worth: the steal that is reported, the one that is not, and the pressure they are under. Part
// of the contract of tuning/bench (bench.h).
// Thread-safety: free functions and plain values.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "tuning/bench/osnoise.h"
#include "tuning/bench/pressure.h"
#include "tuning/bench/steal.h"
#include "tuning/bench/verdict.h"

namespace bedplate::bench {

// Reported steal over the windows that the JSON names; a window that has not passed yet has no ratio.
struct StealWindows {
  static constexpr std::size_t kCount = 3;
  static constexpr std::array<const char*, kCount> kNames = {"5s", "1m", "5m"};
  static constexpr std::array<std::int64_t, kCount> kNs = {5'000'000'000, 60'000'000'000, 300'000'000'000};
  std::array<StealShare, kCount> shares;
};

// Of readings in the order they were taken: to the newest from the one that lies each window before it, give or take a
// quarter.
StealWindows windowsOf(const std::deque<StealSample>& readings);

struct CpuResult {
  // The greatest values of a while: of reported steal in a minute, of hidden steal, of a gap from beneath.
  struct Peak {
    std::optional<double> minute, hidden;
    std::int64_t longestNs = 0;
  };
  StealResult visible;        // its verdict and reason are of it alone
  StealWindows windows;       // empty where steal is not reported
  Noise hidden;               // of all CPUs
  std::vector<Noise> perCpu;  // by the CPU's number; one without bursts was not watched
  Pressures pressure;
  std::optional<Peak> peak;
  Verdict verdict = Verdict::unknown;
  std::string reason;
};

// The worse of the two; what is not known counts only when neither is. `limit` is of each: 0.05 is 5 %.
// Hidden steal speaks against a node from 10 gaps on: fewer may be one bad moment. A node that was `before` worse rises
// only below four fifths of what made it fall, so that it does not flap.
Verdict judgeCpu(CpuResult& result, double limit, Verdict before = Verdict::unknown);

}  // namespace bedplate::bench
