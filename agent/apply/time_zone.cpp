#include "agent/apply/time_zone.h"

#include <algorithm>
#include <chrono>

#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

namespace chrono = std::chrono;

constexpr std::size_t kMostBytes = 256 << 10;
constexpr std::size_t kHeader = 44;
constexpr std::int64_t kDay = 86400;
constexpr std::int64_t kLongestOffset = 26 * 3600;

std::int64_t number(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = size == 8 || (static_cast<unsigned char>(bytes[at]) & 0x80) == 0 ? 0 : ~std::uint64_t{0};
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return static_cast<std::int64_t>(value);
}

struct Header {
  char version = 0;
  std::size_t utc = 0, standard = 0, leaps = 0, times = 0, types = 0, names = 0;
  // Of the data behind it.
  [[nodiscard]] std::size_t size(std::size_t timeBytes) const {
    return times * timeBytes + times + types * 6 + names + leaps * (timeBytes + 4) + standard + utc;
  }
};

std::optional<Header> header(std::string_view bytes) {
  if (bytes.size() < kHeader || bytes.substr(0, 4) != "TZif") return std::nullopt;
  const auto count = [&](std::size_t index) { return static_cast<std::size_t>(number(bytes, 20 + index * 4, 4)); };
  const Header found{bytes[4], count(0), count(1), count(2), count(3), count(4), count(5)};
  for (const std::size_t each : {found.utc, found.standard, found.leaps, found.times, found.types, found.names})
    if (each > kMostBytes) return std::nullopt;
  return found;
}

std::optional<int> digits(std::string_view& text, int most) {
  std::size_t used = 0;
  int value = 0;
  while (used < text.size() && used < 3 && text[used] >= '0' && text[used] <= '9')
    value = value * 10 + (text[used++] - '0');
  if (used == 0 || value > most) return std::nullopt;
  text.remove_prefix(used);
  return value;
}

bool takeLetter(std::string_view& text, char letter) {
  if (text.empty() || text.front() != letter) return false;
  text.remove_prefix(1);
  return true;
}

int yearOf(std::int64_t unixSeconds) {
  const auto day = chrono::floor<chrono::days>(chrono::sys_seconds(chrono::seconds(unixSeconds)));
  return static_cast<int>(chrono::year_month_day(day).year());
}

std::int64_t dayNumber(chrono::sys_days day) { return day.time_since_epoch().count(); }

}  // namespace

bool TimeZone::takeName(std::string_view& text) {
  std::size_t end = 0;
  if (!text.empty() && text.front() == '<') {
    end = text.find('>');
    if (end == std::string_view::npos) return false;
    ++end;
  } else {
    while (end < text.size() && ((text[end] >= 'a' && text[end] <= 'z') || (text[end] >= 'A' && text[end] <= 'Z')))
      ++end;
  }
  text.remove_prefix(end);
  return end >= 3;
}

// "[+-]hh[:mm[:ss]]" in seconds.
std::optional<std::int64_t> TimeZone::takeTime(std::string_view& text) {
  const bool minus = takeLetter(text, '-');
  if (!minus) takeLetter(text, '+');
  const auto hours = digits(text, 167);
  if (!hours) return std::nullopt;
  std::int64_t seconds = *hours * std::int64_t{3600};
  for (const std::int64_t unit : {60, 1}) {
    if (!takeLetter(text, ':')) break;
    const auto part = digits(text, 59);
    if (!part) return std::nullopt;
    seconds += *part * unit;
  }
  return minus ? -seconds : seconds;
}

std::optional<TimeZone::Day> TimeZone::takeDay(std::string_view& text) {
  Day day;
  if (takeLetter(text, 'M')) {
    const auto month = digits(text, 12);
    if (!month || *month < 1 || !takeLetter(text, '.')) return std::nullopt;
    const auto week = digits(text, 5);
    if (!week || *week < 1 || !takeLetter(text, '.')) return std::nullopt;
    const auto weekday = digits(text, 6);
    if (!weekday) return std::nullopt;
    day.month = *month;
    day.week = *week;
    day.weekday = *weekday;
  } else {
    day.kind = takeLetter(text, 'J') ? 'J' : '0';
    const auto number = digits(text, 365);
    if (!number || (day.kind == 'J' && *number < 1)) return std::nullopt;
    day.day = *number;
  }
  if (takeLetter(text, '/')) {
    const auto second = takeTime(text);
    if (!second) return std::nullopt;
    day.second = *second;
  }
  return day;
}

std::optional<TimeZone::Rule> TimeZone::parseRule(std::string_view text) {
  Rule rule;
  if (!takeName(text)) return std::nullopt;
  const auto west = takeTime(text);
  if (!west || std::abs(*west) > kLongestOffset) return std::nullopt;
  rule.standard = rule.summer = -*west;
  if (text.empty()) return rule;
  if (!takeName(text)) return std::nullopt;
  rule.summer = rule.standard + 3600;
  if (!text.empty() && text.front() != ',') {
    const auto summer = takeTime(text);
    if (!summer || std::abs(*summer) > kLongestOffset) return std::nullopt;
    rule.summer = -*summer;
  }
  if (!takeLetter(text, ',')) return std::nullopt;
  rule.begins = takeDay(text);
  if (!rule.begins || !takeLetter(text, ',')) return std::nullopt;
  rule.ends = takeDay(text);
  if (!rule.ends || !text.empty()) return std::nullopt;
  return rule;
}

// Of local time, as seconds since the epoch of a clock that shows it.
std::int64_t TimeZone::secondOf(const Day& day, int year) {
  const chrono::year y(year);
  std::int64_t number = 0;
  if (day.kind == 'M') {
    const chrono::month month(static_cast<unsigned>(day.month));
    const chrono::weekday weekday(static_cast<unsigned>(day.weekday));
    number = day.week == 5 ? dayNumber(chrono::sys_days(y / month / weekday[chrono::last]))
                           : dayNumber(chrono::sys_days(y / month / weekday[static_cast<unsigned>(day.week)]));
  } else {
    number = dayNumber(chrono::sys_days(y / chrono::January / 1)) + day.day;
    if (day.kind == 'J') number += y.is_leap() && day.day >= 60 ? 0 : -1;
  }
  return number * kDay + day.second;
}

std::int64_t TimeZone::offsetAt(std::int64_t unixSeconds) const {
  const auto after = std::upper_bound(transitions_.begin(), transitions_.end(), unixSeconds,
                                      [](std::int64_t at, const Transition& one) { return at < one.at; });
  if (after != transitions_.end() || !rule_) return after == transitions_.begin() ? before_ : std::prev(after)->offset;
  if (!rule_->begins) return rule_->standard;
  const int year = yearOf(unixSeconds + rule_->standard);
  const std::int64_t begins = secondOf(*rule_->begins, year) - rule_->standard;
  const std::int64_t ends = secondOf(*rule_->ends, year) - rule_->summer;
  // South of the equator summer goes over the new year.
  const bool summer =
      begins < ends ? unixSeconds >= begins && unixSeconds < ends : unixSeconds >= begins || unixSeconds < ends;
  return summer ? rule_->summer : rule_->standard;
}

host::Result<TimeZone> TimeZone::parse(std::string_view bytes, const std::string& thing) {
  const auto malformed = [&] { return host::fail("Malformed", thing, "is no time zone file", "install tzdata anew"); };
  const auto first = header(bytes);
  if (!first || first->version < '2') return malformed();
  // The first block, with times of 32 bits, is for readers that are older.
  const std::size_t skipped = kHeader + first->size(4);
  if (bytes.size() < skipped) return malformed();
  bytes.remove_prefix(skipped);
  const auto second = header(bytes);
  if (!second || second->types == 0 || bytes.size() < kHeader + second->size(8)) return malformed();
  const std::size_t times = kHeader;
  const std::size_t indexes = times + second->times * 8;
  const std::size_t types = indexes + second->times;
  std::vector<std::int64_t> offsets;
  for (std::size_t i = 0; i < second->types; ++i) {
    offsets.push_back(number(bytes, types + i * 6, 4));
    if (std::abs(offsets.back()) > kLongestOffset) return malformed();
  }
  TimeZone zone;
  zone.before_ = offsets.front();
  for (std::size_t i = 0; i < second->times; ++i) {
    const auto type = static_cast<unsigned char>(bytes[indexes + i]);
    const std::int64_t at = number(bytes, times + i * 8, 8);
    if (type >= offsets.size() || (i > 0 && at <= zone.transitions_.back().at)) return malformed();
    zone.transitions_.push_back({at, offsets[type]});
  }
  std::string_view footer = bytes.substr(kHeader + second->size(8));
  if (!takeLetter(footer, '\n') || footer.find('\n') == std::string_view::npos) return malformed();
  footer = footer.substr(0, footer.find('\n'));
  if (footer.empty()) return zone;
  zone.rule_ = parseRule(footer);
  if (!zone.rule_) return malformed();
  return zone;
}

host::Result<TimeZone> TimeZone::read(host::Files& files, const std::string& name) {
  if (name == "UTC") return TimeZone();
  const std::string path = host::joinPath(host::paths::zoneInfo, name);
  if (name.find("..") != std::string::npos)
    return host::fail("NotFound", name, "is not the name of a time zone", "see timedatectl list-timezones");
  auto bytes = files.read(path, kMostBytes);
  if (!bytes) {
    auto error = std::move(bytes).error();
    error.todo = "install tzdata, or use UTC";
    return host::Failure(std::move(error));
  }
  return parse(*bytes, files.shown(path));
}

}  // namespace bedplate::apply
