#include "tuning/host/clock.h"

#include <ctime>

#include "tuning/host/paths.h"

namespace bedplate::host {

std::int64_t SystemClock::wallUs() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

std::int64_t SystemClock::monotonicNs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::string bootId(Files& files) {
  auto text = files.read(paths::bootIdFile, 128);
  if (!text) return "unknown";
  while (!text->empty() && (text->back() == '\n' || text->back() == ' ')) text->pop_back();
  return text->empty() ? "unknown" : *text;
}

std::string isoTime(std::int64_t wallUs) {
  const std::time_t seconds = wallUs / 1'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char buffer[32];
  const std::size_t length = std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {buffer, length};
}

}  // namespace bedplate::host
