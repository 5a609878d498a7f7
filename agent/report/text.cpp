#include "agent/report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <optional>

namespace bedplate::report {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

struct Decoded {
  char32_t point = 0;
  std::size_t length = 1;
};

// One code point at `at`, or nullopt where the bytes are no UTF-8 (overlong and surrogate forms are none).
std::optional<Decoded> decode(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return Decoded{first, 1};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length == 0 || first > 0xf4 || at + length > text.size()) return std::nullopt;
  char32_t point = first & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return std::nullopt;
    point = (point << 6) | (byte(at + i) & 0x3fu);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kLeast[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return std::nullopt;
  return Decoded{point, length};
}

bool between(char32_t point, char32_t low, char32_t high) { return point >= low && point <= high; }

bool unsafe(char32_t point) {
  return point < 0x20 || between(point, 0x7f, 0x9f) || between(point, 0x200b, 0x200f) ||
         between(point, 0x2028, 0x202e) || between(point, 0x2060, 0x206f) || point == 0xfeff || point == 0x61c;
}

int width(char32_t point) {
  if (between(point, 0x300, 0x36f) || between(point, 0xfe00, 0xfe0f)) return 0;
  const bool wide =
      between(point, 0x1100, 0x115f) || between(point, 0x2e80, 0xa4cf) || between(point, 0xac00, 0xd7a3) ||
      between(point, 0xf900, 0xfaff) || between(point, 0xfe30, 0xfe6f) || between(point, 0xff00, 0xff60) ||
      between(point, 0xffe0, 0xffe6) || between(point, 0x1f300, 0x1faff) || between(point, 0x20000, 0x3fffd);
  return wide ? 2 : 1;
}

std::tm broken(std::int64_t us, std::int64_t utcOffsetSeconds) {
  // Floor, so that times before the epoch (a clock that was never set) do not move by a second.
  const std::int64_t seconds = us / kSecond - (us % kSecond < 0 ? 1 : 0);
  const std::time_t time = static_cast<std::time_t>(seconds + utcOffsetSeconds);
  std::tm parts{};
  if (::gmtime_r(&time, &parts) == nullptr) return std::tm{};
  return parts;
}

}  // namespace

std::string clean(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto decoded = decode(text, at);
    if (!decoded) {
      out += '?';
      ++at;
      continue;
    }
    if (decoded->point == '\t' || decoded->point == '\n')
      out += ' ';
    else if (unsafe(decoded->point))
      out += '?';
    else
      out += text.substr(at, decoded->length);
    at += decoded->length;
  }
  return out;
}

int columns(std::string_view text) {
  int total = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto decoded = decode(text, at);
    total += decoded ? width(decoded->point) : 1;
    at += decoded ? decoded->length : 1;
  }
  return total;
}

std::string fit(std::string_view text, int limit) {
  if (limit <= 0) return {};
  if (columns(text) <= limit) return std::string(text);
  const int room = limit > 3 ? limit - 3 : limit;
  int used = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    const auto decoded = decode(text, end);
    used += decoded ? width(decoded->point) : 1;
    if (used > room) break;
    end += decoded ? decoded->length : 1;
  }
  std::string out(text.substr(0, end));
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return limit > 3 ? out + "..." : out;
}

std::string duration(std::int64_t us) {
  const std::int64_t seconds = us > 0 ? us / kSecond : 0;
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (seconds < 2 * 3600) return fmt::format("{}m", seconds / 60);
  if (seconds < 2 * 86400) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / 86400);
}

std::string took(double seconds) {
  if (seconds < 0.1) return fmt::format("{}ms", std::max(1, static_cast<int>(std::lround(seconds * 1000))));
  return fmt::format("{:.2f}s", seconds);
}

std::string ago(std::int64_t thenUs, std::int64_t nowUs) {
  if (thenUs == 0) return "never";
  // Differences of foreign numbers: no overflow.
  const std::int64_t age = thenUs < 0 || thenUs > nowUs ? 0 : nowUs - thenUs;
  return duration(age) + " ago";
}

std::string dateTime(std::int64_t us, std::int64_t utcOffsetSeconds) {
  const std::tm parts = broken(us, utcOffsetSeconds);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string clockTime(std::int64_t us, std::int64_t nowUs, std::int64_t utcOffsetSeconds) {
  const std::string then = dateTime(us, utcOffsetSeconds);
  if (then.substr(0, 10) == dateTime(nowUs, utcOffsetSeconds).substr(0, 10)) return then.substr(11);
  return then.substr(0, then.size() - 3);
}

std::string count(std::int64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

std::string paint(std::string_view text, Colour colour, bool on) {
  if (!on || colour == Colour::none || text.empty()) return std::string(text);
  const char* code = "0";
  switch (colour) {
    case Colour::none: break;
    case Colour::red: code = "31"; break;
    case Colour::green: code = "32"; break;
    case Colour::yellow: code = "33"; break;
    case Colour::faint: code = "2"; break;
    case Colour::bold: code = "1"; break;
  }
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

}  // namespace bedplate::report
