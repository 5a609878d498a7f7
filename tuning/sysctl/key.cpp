// The two spellings of a key, the normal form of a value, and patterns over keys.
#include <algorithm>
#include <vector>

#include "tuning/sysctl/pattern.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::sysctl {
namespace {

void swapSeparators(std::string& key) {
  for (char& c : key) {
    if (c == '.')
      c = '/';
    else if (c == '/')
      c = '.';
  }
}

bool isBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f'; }

// One part against one part, by position: row[j] says whether what was read of `a` can be `b` up to j.
bool partsOverlap(std::string_view a, std::string_view b) {
  std::vector<char> row(b.size() + 1, 0);
  row[0] = 1;
  for (std::size_t j = 0; j < b.size() && b[j] == '*'; ++j) row[j + 1] = 1;
  for (const char x : a) {
    std::vector<char> next(b.size() + 1, 0);
    next[0] = x == '*' ? row[0] : '\0';
    for (std::size_t j = 0; j < b.size(); ++j) {
      const bool star = x == '*' || b[j] == '*';
      const bool same = x == b[j] || b[j] == '?';
      next[j + 1] = star ? (row[j + 1] != 0 || next[j] != 0 || row[j] != 0) : (same && row[j] != 0);
    }
    row = std::move(next);
  }
  return row[b.size()] != 0;
}

// From the first bracket to the last becomes a star (classes nest: "[[:alpha:]]", "[]a]"), an escape its character.
// Good enough for a question that may be answered too often with yes.
std::string simplified(std::string_view part) {
  std::string out;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] == '\\' && i + 1 < part.size()) {
      out += part[++i];
    } else if (const std::size_t close = part.rfind(']'); part[i] == '[' && close != part.npos && close > i) {
      out += '*';
      i = close;
    } else {
      out += part[i];
    }
  }
  return out;
}

std::string_view nextPart(std::string_view& rest) {
  const std::size_t slash = rest.find('/');
  const std::string_view part = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  return part;
}

}  // namespace

bool overlaps(std::string_view known, std::string_view asked) {
  while (!known.empty() && !asked.empty()) {
    const std::string_view mine = nextPart(known);
    if (mine == "**") return true;
    const std::string_view theirs = nextPart(asked);
    if (mine == theirs || mine == "*") continue;
    if (!hasGlob(mine) && !hasGlob(theirs)) return false;
    if (!partsOverlap(mine, hasGlob(theirs) ? simplified(theirs) : std::string(theirs))) return false;
  }
  return known.empty() && asked.empty();
}

bool Rule::isGlob() const { return hasGlob(key); }

host::Result<std::string> normaliseKey(std::string_view key) {
  const auto invalid = [key](std::string_view why) {
    return host::fail("Invalid", key, why, "write it as net.ipv4.ip_forward or net/ipv4/ip_forward");
  };
  if (key.empty()) return invalid("the key is empty");
  std::string path(key);
  for (const char c : key)
    if (c <= ' ' || c > '~') return invalid("a key has no blanks and only printable ASCII characters");
  const std::size_t separator = path.find_first_of("./");
  if (separator != std::string::npos && path[separator] == '.') swapSeparators(path);
  std::string_view rest = path;
  for (bool more = true; more;) {
    more = rest.find('/') != std::string_view::npos;
    const std::string_view part = nextPart(rest);
    if (part.empty()) return invalid("a part of the key is empty");
    if (part == "." || part == "..") return invalid("a part of the key is \".\" or \"..\"");
  }
  return path;
}

std::string dotted(std::string_view key) {
  std::string text(key);
  swapSeparators(text);
  return text;
}

std::string normaliseValue(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  bool gap = false;
  for (const char c : value) {
    if (isBlank(c)) {
      gap = !out.empty();
      continue;
    }
    if (gap) out += ' ';
    gap = false;
    out += c;
  }
  return out;
}

}  // namespace bedplate::sysctl
