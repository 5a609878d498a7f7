#include "agent/source/text.h"

#include <cstdint>

namespace bedplate::source {
namespace {

struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 0;  // 0: not UTF-8
};

bool continues(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
}

std::size_t lengthOf(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  if (first >= 0xf0 && first <= 0xf4) return 4;
  return 0;
}

Character decode(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t length = lengthOf(first);
  if (length <= 1) return {first, length};
  std::uint32_t code = first & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if (!continues(text, i)) return {};
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3fu);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (overlong || surrogate || code > 0x10ffff) return {};
  return {code, length};
}

bool harmless(std::uint32_t code) {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false;
  // Line and paragraph separators; marks, embeddings, overrides and isolates of direction.
  if (code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e)) return false;
  return !(code >= 0x2066 && code <= 0x2069) && code != 0xfeff;
}

std::string escaped(unsigned char byte) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  if (byte == '\n') return "\\n";
  if (byte == '\t') return "\\t";
  return {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

}  // namespace

std::string hexOf(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

std::string shownText(std::string_view foreign, std::size_t limit) {
  std::string text;
  while (!foreign.empty()) {
    const Character next = decode(foreign);
    const bool fine = next.bytes != 0 && harmless(next.code);
    const std::size_t taken = next.bytes != 0 ? next.bytes : 1;
    if (text.size() + (fine ? taken : 1) > limit) break;
    if (fine)
      text.append(foreign.substr(0, taken));
    else
      text.push_back('?');
    foreign.remove_prefix(taken);
  }
  return text;
}

std::string shownPath(std::string_view path) {
  std::string text;
  while (!path.empty()) {
    const Character next = decode(path);
    const std::size_t taken = next.bytes != 0 ? next.bytes : 1;
    if (next.bytes != 0 && harmless(next.code))
      text.append(path.substr(0, taken));
    else
      for (const char byte : path.substr(0, taken)) text += escaped(static_cast<unsigned char>(byte));
    path.remove_prefix(taken);
  }
  return text;
}

}  // namespace bedplate::source
