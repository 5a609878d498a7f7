#include "agent/daemon/schedule.h"

#include <algorithm>

namespace bedplate::daemon {
namespace {

constexpr std::int64_t kFirstRetryMs = 60'000;
constexpr std::int64_t kLongestRetryMs = 15 * 60'000;
constexpr double kJitter = 0.1;

constexpr std::size_t kPatient = 200;
constexpr std::int64_t kMemoryNs = 10'000'000'000;
constexpr std::int64_t kWaitMs = 250;

}  // namespace

void Schedule::setInterval(std::int64_t intervalMs) {
  intervalMs_ = intervalMs;
  failures_ = 0;
}

std::int64_t Schedule::next(bool failed, double chance) {
  failures_ = failed ? std::min(failures_ + 1, 20) : 0;
  std::int64_t wait = intervalMs_;
  if (failed) wait = std::min(std::min(intervalMs_, kFirstRetryMs) << (failures_ - 1), kLongestRetryMs);
  return static_cast<std::int64_t>(static_cast<double>(wait) * (1 - kJitter + 2 * kJitter * chance));
}

void Patience::forget(std::int64_t monotonicNs) {
  while (!recent_.empty() && monotonicNs - recent_.front() > kMemoryNs) recent_.pop_front();
}

void Patience::looked(std::int64_t monotonicNs) {
  forget(monotonicNs);
  recent_.push_back(monotonicNs);
}

std::int64_t Patience::delayMs(std::int64_t monotonicNs) {
  forget(monotonicNs);
  return recent_.size() < kPatient ? kDebounceMs : kWaitMs;
}

}  // namespace bedplate::daemon
