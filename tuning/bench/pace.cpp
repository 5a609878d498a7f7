#include "tuning/bench/pace.h"

#include <algorithm>
#include <ctime>

namespace bedplate::bench {
namespace {

constexpr std::int64_t kSliceNs = 100'000'000;  // how long a wait goes on without a look at `cancel`

}  // namespace

std::int64_t monotonicNow() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

bool waitUntil(std::int64_t dueNs, const std::atomic<bool>* cancel) {
  for (;;) {
    if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) return false;
    const std::int64_t current = monotonicNow();
    if (current >= dueNs) return true;
    const std::int64_t wake = std::min(dueNs, current + kSliceNs);
    const timespec until{static_cast<time_t>(wake / 1'000'000'000), static_cast<long>(wake % 1'000'000'000)};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
  }
}

std::string noise(std::size_t bytes) {
  std::string data(bytes, '\0');
  std::uint64_t state = 0x9E3779B97F4A7C15U;
  for (char& c : data) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    c = static_cast<char>(state >> 56);
  }
  return data;
}

}  // namespace bedplate::bench
