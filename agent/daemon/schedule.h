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

// The patience with many events: one that keeps rewriting one thing is left alone after a few times (agent/apply/
// contested.h), but somebody may write a thousand things, or one thing over and over with the value that it should
// have. Looks come at once; from 200 in ten seconds on they are made four times a second, for all that came meanwhile.
class Patience {
 public:
  // A change is put back at once, after the burst of events that one change makes.
  static constexpr std::int64_t kDebounceMs = 2;

  // A look was made because of an event.
  void looked(std::int64_t monotonicNs);
  // Milliseconds to wait before the next look.
  std::int64_t delayMs(std::int64_t monotonicNs);

 private:
  void forget(std::int64_t monotonicNs);
  std::deque<std::int64_t> recent_;
};

}  // namespace bedplate::daemon
