// How near the kernel's limits are, from samples a minute apart; inotify watches are counted once an hour, as the
// kernel takes some 2 µs for each.
// Thread-safety: used from one thread.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "agent/report/headroom.h"
#include "tuning/conntrack/conntrack.h"
#include "tuning/host/clock.h"
#include "tuning/host/files.h"
#include "tuning/inotify/inotify.h"

namespace bedplate::daemon {

class HeadroomWindow {
 public:
  static constexpr std::int64_t kWatchesNs = 3'600'000'000'000;
  // A count of watches that takes longer than this is cut: over 1,000,000 watches, or a machine with no time to spare.
  static constexpr std::int64_t kWatchesBudgetNs = 5'000'000'000;

  // Takes a sample. `kernel`: the files are the running kernel's. What cannot be read is unset.
  report::Headroom sample(host::Files& files, host::Clock& clock, bool kernel);

 private:
  static constexpr std::size_t kSamples = 6;  // five minutes between the first and the last
  static constexpr std::array kLosses = {conntrack::Event::insertFailed, conntrack::Event::drop,
                                         conntrack::Event::earlyDrop};

  std::optional<report::Headroom::Conntrack> conntrack(host::Files& files, std::int64_t nowNs, bool kernel);
  std::optional<report::Headroom::Inotify> inotify(host::Files& files, host::Clock& clock, bool kernel);
  bool timeForWatches(std::int64_t nowNs);
  void keepWatches(const inotify::Usage& usage, host::Files& files, std::int64_t wallUs);

  struct Point {
    std::int64_t monotonicNs = 0;
    std::array<std::uint64_t, kLosses.size()> losses{};
  };
  conntrack::Totals totals_;
  std::deque<Point> points_;

  // Of the last count.
  std::optional<std::int64_t> firstNs_, watchesNs_;
  std::int64_t watchesUs_ = 0;
  bool watchesCut_ = false;
  std::map<std::uint32_t, std::int64_t> watchesOf_;
  std::vector<report::Headroom::Holder> byWatches_;
};

}  // namespace bedplate::daemon
