#include "agent/cluster/values.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace bedplate::cluster {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ms;
};
constexpr Unit kUnits[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

bool isDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::optional<std::int64_t> parseInteger(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), isDigit)) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;  // octal for others
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parseDuration(std::string_view text) {
  const auto digits = std::find_if_not(text.begin(), text.end(), isDigit) - text.begin();
  const auto number = parseInteger(text.substr(0, static_cast<std::size_t>(digits)));
  if (!number) return std::nullopt;
  const auto name = text.substr(static_cast<std::size_t>(digits));
  for (const auto& unit : kUnits) {
    if (unit.name != name) continue;
    if (*number > std::numeric_limits<std::int64_t>::max() / unit.ms) return std::nullopt;
    return *number * unit.ms;
  }
  return std::nullopt;
}

std::optional<double> parsePercent(std::string_view text) {
  if (text.size() < 2 || text.back() != '%' || !isDigit(text.front())) return std::nullopt;
  text.remove_suffix(1);
  if (!isDigit(text.back()) || (text.size() > 1 && text[0] == '0' && text[1] != '.')) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size() || value > 100) return std::nullopt;
  return value / 100;
}

std::optional<bool> parseBoolean(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

std::optional<int> parseTimeOfDay(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const std::size_t i : {0u, 1u, 3u, 4u})
    if (!isDigit(text[i])) return std::nullopt;
  const int hour = (text[0] - '0') * 10 + (text[1] - '0');
  const int minute = (text[3] - '0') * 10 + (text[4] - '0');
  if (hour > 23 || minute > 59) return std::nullopt;
  return hour * 60 + minute;
}

const std::vector<std::string>& dayNames() {
  static const std::vector<std::string> names = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  return names;
}

std::optional<int> parseDay(std::string_view text) {
  const auto& names = dayNames();
  const auto found = std::find(names.begin(), names.end(), text);
  if (found == names.end()) return std::nullopt;
  return static_cast<int>(found - names.begin());
}

std::string durationText(std::int64_t ms) {
  const Unit* largest = &kUnits[0];
  for (const auto& unit : kUnits)
    if (ms != 0 && ms % unit.ms == 0) largest = &unit;
  return std::to_string(ms / largest->ms) + std::string(largest->name);
}

}  // namespace bedplate::cluster
