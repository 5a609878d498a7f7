// When to do the next thing. Pure: time and chance are handed in.
// Thread-safety: used from one thread.
#pragma once

#include <cstdint>
#include <deque>

namespace bedplate::daemon {

// The time between two looks at the remote: the interval +-10 % while all is well; after failures 1 minute (or the
// interval, when that is shorter), doubling up to 15 minutes, +-10 %, so that a fleet does not come back as one.
class Schedule {
 public:
  explicit Schedule(std::int64_t intervalMs) : intervalMs_(intervalMs) {}
  void setInterval(std::int64_t intervalMs);
  // Milliseconds to wait after a run. `chance` is uniform in [0, 1).
  std::int64_t next(bool failed, double chance);

 private:
  std::int64_t intervalMs_;
  int failures_ = 0;
};

// The patience with one who keeps changing what we put back: the first repairs come at once, from the 20th within a
// minute on they wait, longer each time, up to 30 seconds.
class Patience {
 public:
  // A repair has changed something.
  void repaired(std::int64_t monotonicNs);
  // Milliseconds to wait before the next repair.
  std::int64_t delayMs(std::int64_t monotonicNs);

 private:
  void forget(std::int64_t monotonicNs);
  std::deque<std::int64_t> recent_;
};

}  // namespace bedplate::daemon
