#include "agent/cluster/yaml_bytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace bedplate::cluster::yaml {
namespace {

// Eight bytes at once: whether each is between 0x20 and 0x7e. Most of every manifest is.
bool allPrintable(const char* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHigh = 0x8080808080808080;
  const std::uint64_t below = (word - kOnes * 0x20) & ~word;  // high bit where a byte is under 0x20
  const std::uint64_t above = word + kOnes;                   // high bit where a byte is 0x7f
  return ((word | below | above) & kHigh) == 0;
}

// Bytes of the UTF-8 sequence at `at`, 0 when it is not one (overlong, surrogate, cut off, beyond U+10FFFF).
std::size_t utf8Length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
  };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool good = follows(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf) && follows(2);
    return good ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool good = follows(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf) && follows(2) && follows(3);
    return good ? 4 : 0;
  }
  return 0;
}

Problem problemAt(std::string_view text, std::size_t at, std::string message) {
  const auto before = text.substr(0, at);
  const auto newline = before.rfind('\n');
  const auto column = newline == std::string_view::npos ? at : at - newline - 1;
  return {{static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1, static_cast<int>(column) + 1},
          std::move(message)};
}

}  // namespace

std::optional<Problem> findBadByte(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (at + 8 <= text.size() && allPrintable(text.data() + at)) {
      at += 8;
      continue;
    }
    const auto byte = static_cast<unsigned char>(text[at]);
    const bool lineEnd = byte == '\n' || (byte == '\r' && at + 1 < text.size() && text[at + 1] == '\n');
    if ((byte >= 0x20 && byte < 0x7f) || byte == '\t' || lineEnd) {
      ++at;
      continue;
    }
    if (byte == '\r') return problemAt(text, at, "a carriage return without its line feed: save the file with LF");
    if (byte < 0x80) return problemAt(text, at, fmt::format("the control character 0x{:02x} is not YAML", byte));
    const auto length = utf8Length(text, at);
    if (length == 0) return problemAt(text, at, "not UTF-8: save the file as UTF-8");
    at += length;
  }
  return std::nullopt;
}

bool quoteIsClosed(std::string_view text, std::size_t pos) {
  if (pos >= text.size()) return true;
  const char quote = text[pos];
  if (quote != '"' && quote != '\'') return true;
  for (std::size_t i = pos + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 >= text.size() || text[i + 1] != quote) return true;
      ++i;  // '' within single quotes is one quote
    }
  }
  return false;
}

}  // namespace bedplate::cluster::yaml
