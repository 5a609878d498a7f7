#include "tuning/bench/pressure.h"

#include <charconv>
#include <cmath>

#include "tuning/host/paths.h"

namespace bedplate::bench {
namespace {

// "avg10=1.23" or "total=456" at the front of the text, taken away.
template <class Number>
bool take(std::string_view& text, std::string_view key, Number& value) {
  if (!text.starts_with(key)) return false;
  text.remove_prefix(key.size());
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return true;
}

bool takeShare(std::string_view& text, std::string_view key, double& share) {
  double percent = 0;
  if (!take(text, key, percent) || !std::isfinite(percent) || percent < 0 || percent > 100) return false;
  share = std::round(percent * 100) / 1e4;  // the kernel gives two places
  return true;
}

std::optional<Stalled> parseLine(std::string_view line) {
  Stalled stalled;
  if (!takeShare(line, "avg10=", stalled.avg10) || !takeShare(line, "avg60=", stalled.avg60) ||
      !takeShare(line, "avg300=", stalled.avg300) || !take(line, "total=", stalled.totalUs) || !line.empty())
    return std::nullopt;
  return stalled;
}

}  // namespace

host::Result<Pressure> parsePressure(std::string_view text) {
  Pressure pressure;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with("some ")) pressure.some = parseLine(line.substr(5));
    if (line.starts_with("full ")) pressure.full = parseLine(line.substr(5));
  }
  if (!pressure.some && !pressure.full) return host::fail("Malformed", "pressure", "it has no line that can be read");
  return pressure;
}

Pressures readPressures(host::Files& files) {
  Pressures pressures;
  for (std::size_t i = 0; i < pressures.of.size(); ++i) {
    const auto text = files.read(host::joinPath(host::paths::pressure, Pressures::kNames[i]), 4096);
    if (!text) continue;
    if (auto parsed = parsePressure(*text)) pressures.of[i] = *parsed;
  }
  return pressures;
}

}  // namespace bedplate::bench
