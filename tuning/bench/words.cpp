#include "tuning/bench/words.h"

#include <fmt/format.h>

#include <algorithm>

namespace bedplate::bench {

std::string latencyWords(std::uint64_t ns) {
  const double ms = static_cast<double>(ns) / 1e6;
  if (ms < 0.995) return fmt::format("{:.2f} ms", ms);
  if (ms < 9.95) return fmt::format("{:.1f} ms", ms);
  if (ms < 999.5) return fmt::format("{:.0f} ms", ms);
  return fmt::format("{:.2f} s", ms / 1e3);
}

std::string spanWords(std::int64_t us) {
  const std::int64_t seconds = std::max<std::int64_t>(us, 0) / 1'000'000;
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 120 * 60) return fmt::format("{} min", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d", seconds / 86400);
}

std::string shareWords(double share) { return fmt::format("{:.1f} %", share * 100); }

}  // namespace bedplate::bench
