// The grammar of node.yaml's values. A scalar is the string that was written; nothing is guessed.
// nullopt: not of this kind. Thread-safety: free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bedplate::cluster {

// Decimal digits, without sign, leading zeros or separators.
std::optional<std::int64_t> parseInteger(std::string_view text);
// An integer and one of ms, s, m, h, d: "10ms", "30m". In milliseconds.
std::optional<std::int64_t> parseDuration(std::string_view text);
// "5%", "2.5%": a ratio from 0 to 1.
std::optional<double> parsePercent(std::string_view text);
// "true" or "false".
std::optional<bool> parseBoolean(std::string_view text);
// "00:00" to "23:59", in minutes of the day.
std::optional<int> parseTimeOfDay(std::string_view text);
// 0 for "mon" to 6 for "sun".
std::optional<int> parseDay(std::string_view text);
const std::vector<std::string>& dayNames();

// A duration as an operator writes it, in the largest unit that holds it exactly.
std::string durationText(std::int64_t ms);

}  // namespace bedplate::cluster
