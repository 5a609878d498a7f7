// Time and boot identity, handed in so that tests can move them.
// Thread-safety: SystemClock may be used from several threads.
#pragma once

#include <cstdint>
#include <string>

#include "tuning/host/files.h"

namespace bedplate::host {

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;
  // Microseconds since the epoch (CLOCK_REALTIME).
  virtual std::int64_t wallUs() = 0;
  // Nanoseconds of CLOCK_MONOTONIC; for durations and deadlines.
  virtual std::int64_t monotonicNs() = 0;
};

class SystemClock final : public Clock {
 public:
  std::int64_t wallUs() override;
  std::int64_t monotonicNs() override;
};

// The kernel's id of this boot (proc/sys/kernel/random/boot_id below the root), or "unknown" where there is none.
std::string bootId(Files& files);

// "2026-11-23T14:02:11Z" from microseconds since the epoch.
std::string isoTime(std::int64_t wallUs);

}  // namespace bedplate::host
