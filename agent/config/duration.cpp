#include <array>
#include <charconv>

#include "agent/config/config.h"

namespace bedplate::config {
namespace {

constexpr std::int64_t kLongestMs = std::int64_t{10} * 365 * 24 * 3600 * 1000;

struct Unit {
  std::string_view name;
  std::int64_t ms;
};
constexpr std::array<Unit, 6> kUnits = {
    {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

}  // namespace

std::optional<std::int64_t> parseDurationMs(std::string_view text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || number < 0 || text.front() == '-') return std::nullopt;
  const std::string_view unitName(rest, static_cast<std::size_t>(end - rest));
  for (const Unit& unit : kUnits) {
    if (unit.name != unitName) continue;
    if (number > kLongestMs / unit.ms) return std::nullopt;
    return number * unit.ms;
  }
  return std::nullopt;
}

}  // namespace bedplate::config
