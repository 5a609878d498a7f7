// The CPU steal that a daemon sees: reported, from readings of /proc/stat, over windows up to the one that the verdict
// is of; hidden, from bursts of the last hour. Thread-safety: used from one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "tuning/bench/bench.h"

namespace bedplate::daemon {

class StealWindow {
 public:
  // A reading that is no sample: some seconds before one, for the shortest window.
  void glance(bench::StealSample reading);
  // A sample, about a minute after the last one; with the second one there is something to judge. `why`: steal is not
  // reported. The verdict is of `windowNs`, or of the last minute where that is longer.
  std::optional<bench::CpuResult> sample(bench::StealSample reading, bool reported, const std::string& why,
                                         std::int64_t windowNs, double limit);
  void add(const bench::Burst& burst, std::int64_t nowNs);
  // Why there are no bursts.
  void unwatched(const std::string& why) { whyUnwatched_ = why; }
  // The greatest values begin anew.
  void kept() { peak_ = {}; }

 private:
  struct Minute {
    std::int64_t beginNs = 0, endNs = 0;
    double stolen = 0, all = 0;
  };
  struct Seen {
    std::int64_t nowNs = 0;
    bench::Burst burst;
  };
  void keepReading(bench::StealSample reading);
  [[nodiscard]] bench::StealShare shareOf(const bench::StealWindows& windows, std::int64_t windowNs) const;
  void hidden(bench::CpuResult& result) const;

  std::deque<bench::StealSample> readings_;  // of the last five minutes, two a minute
  std::optional<bench::StealSample> last_;   // the last sample
  bench::StealShare lastShare_;
  std::deque<Minute> minutes_;  // what passed between samples, as far as it is known
  std::deque<Seen> bursts_;
  std::string whyUnwatched_;
  bench::CpuResult::Peak peak_;
  bench::Verdict before_ = bench::Verdict::unknown;
};

}  // namespace bedplate::daemon
