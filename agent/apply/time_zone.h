// A time zone of the machine's database, for windows that an operator gives in local time.
//
// The C library knows one zone a process. Here any is read: a TZif file (RFC 8536) with its transitions, and the rule
// at its end for the time after them. Without the database there is only UTC. Thread-safety: plain values and free
// functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tuning/host/files.h"

namespace bedplate::apply {

class TimeZone {
 public:
  TimeZone() = default;  // UTC
  // "Malformed" for what is no TZif file of version 2 or later.
  static host::Result<TimeZone> parse(std::string_view bytes, const std::string& thing);
  // By its name, "Europe/Oslo". "NotFound" where the machine does not know it.
  static host::Result<TimeZone> read(host::Files& files, const std::string& name);

  // Seconds that local time is ahead of UTC at this moment (seconds since the epoch).
  [[nodiscard]] std::int64_t offsetAt(std::int64_t unixSeconds) const;

 private:
  // A day of the year and a second of it: "M3.5.0/2", "J60", "59".
  struct Day {
    char kind = 'M';  // 'M', 'J', or '0' for the one that counts February 29
    int month = 1, week = 1, weekday = 0, day = 0;
    std::int64_t second = 7200;
  };
  // "CET-1CEST,M3.5.0,M10.5.0/3".
  struct Rule {
    std::int64_t standard = 0, summer = 0;  // seconds ahead of UTC
    std::optional<Day> begins, ends;        // of summer time; none: never
  };
  static bool takeName(std::string_view& text);
  static std::optional<std::int64_t> takeTime(std::string_view& text);
  static std::optional<Day> takeDay(std::string_view& text);
  static std::optional<Rule> parseRule(std::string_view text);
  static std::int64_t secondOf(const Day& day, int year);

  struct Transition {
    std::int64_t at = 0;
    std::int64_t offset = 0;
  };
  std::vector<Transition> transitions_;
  std::int64_t before_ = 0;  // the offset before the first one
  std::optional<Rule> rule_;
};

}  // namespace bedplate::apply
