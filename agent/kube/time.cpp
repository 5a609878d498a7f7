#include "agent/kube/time.h"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace bedplate::kube {
namespace {

// Takes exactly `digits` digits from the front.
std::optional<int> take(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool takeLetter(std::string_view& text, char letter) {
  if (text.empty() || text.front() != letter) return false;
  text.remove_prefix(1);
  return true;
}

// The microseconds of ".123456789"; more digits than six are cut.
std::optional<std::int64_t> fraction(std::string_view& text) {
  if (!takeLetter(text, '.')) return 0;
  std::int64_t us = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits)
    if (digits < 6) us = us * 10 + (text[digits] - '0');
  if (digits == 0 || digits > 9) return std::nullopt;
  text.remove_prefix(digits);
  for (; digits < 6; ++digits) us *= 10;
  return us;
}

}  // namespace

std::optional<std::int64_t> parseTime(std::string_view text) {
  namespace chrono = std::chrono;
  const auto year = take(text, 4);
  if (!year || !takeLetter(text, '-')) return std::nullopt;
  const auto month = take(text, 2);
  if (!month || !takeLetter(text, '-')) return std::nullopt;
  const auto day = take(text, 2);
  if (!day || !takeLetter(text, 'T')) return std::nullopt;
  const auto hour = take(text, 2);
  if (!hour || *hour > 23 || !takeLetter(text, ':')) return std::nullopt;
  const auto minute = take(text, 2);
  if (!minute || *minute > 59 || !takeLetter(text, ':')) return std::nullopt;
  const auto second = take(text, 2);
  if (!second || *second > 60) return std::nullopt;
  const auto us = fraction(text);
  if (!us || text != "Z") return std::nullopt;
  const chrono::year_month_day date(chrono::year(*year), chrono::month(static_cast<unsigned>(*month)),
                                    chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  const auto days = chrono::sys_days(date).time_since_epoch();
  const std::int64_t seconds =
      chrono::duration_cast<chrono::seconds>(days).count() + *hour * 3600 + *minute * 60 + *second;
  return seconds * 1'000'000 + *us;
}

std::string microTime(std::int64_t wallUs) {
  namespace chrono = std::chrono;
  const chrono::sys_time<chrono::microseconds> at{chrono::microseconds(wallUs)};
  const auto day = chrono::floor<chrono::days>(at);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss time(at - day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return text;
}

}  // namespace bedplate::kube
