// The CPU steal of the last five minutes, from samples a minute apart.
// Thread-safety: used from one thread.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "tuning/bench/bench.h"
#include "tuning/host/clock.h"
#include "tuning/host/files.h"

namespace bedplate::daemon {

class StealWindow {
 public:
  // Takes a sample; from the second one on the JSON of bench::toJson for the window, else nullopt.
  std::optional<std::string> sample(host::Files& files, host::Clock& clock);

 private:
  static constexpr std::size_t kSamples = 6;  // five minutes between the first and the last
  static constexpr double kLimit = 0.05;
  std::deque<bench::StealSample> samples_;
};

}  // namespace bedplate::daemon
