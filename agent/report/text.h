// Words, widths and times for people. All text that came from elsewhere (Git, the kernel, a status file) goes through
// clean() before it reaches a terminal.
// Thread-safety: free functions and plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bedplate::report {

// Valid UTF-8 without control characters and without marks that turn the writing direction: each becomes '?', a tab or
// newline a blank.
std::string clean(std::string_view text);

// The columns a terminal gives it (of clean text): wide East Asian characters count two, combining ones none.
int columns(std::string_view text);

// At most `width` columns, the end replaced by "..." where it is longer.
std::string fit(std::string_view text, int width);

// "12s", "4m", "3h", "2d": the largest whole unit of a duration; negative ones count as 0.
std::string duration(std::int64_t us);
// What an action took: "12ms" below a tenth of a second, else "0.21s".
std::string took(double seconds);
// "12s ago"; "never" for 0.
std::string ago(std::int64_t thenUs, std::int64_t nowUs);
// "14:02:11" on the day of `nowUs`, else "2026-11-23 14:02"; in the time zone with this offset.
std::string clockTime(std::int64_t us, std::int64_t nowUs, std::int64_t utcOffsetSeconds);
// "2026-11-23 14:02:11"
std::string dateTime(std::int64_t us, std::int64_t utcOffsetSeconds);

// "1 change", "3 changes".
std::string count(std::int64_t number, std::string_view noun);

enum class Colour { none, red, green, yellow, faint, bold };
// With ANSI colour when `on`.
std::string paint(std::string_view text, Colour colour, bool on);

}  // namespace bedplate::report
