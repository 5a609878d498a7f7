#include "agent/trust/patterns.h"

namespace bedplate::trust {

bool matchesPattern(std::string_view text, std::string_view pattern) {
  std::size_t at = 0, in = 0;
  std::size_t star = std::string_view::npos, from = 0;
  while (at < text.size()) {
    if (in < pattern.size() && pattern[in] == '*') {
      star = in++;
      from = at;
    } else if (in < pattern.size() && (pattern[in] == '?' || pattern[in] == text[at])) {
      ++in;
      ++at;
    } else if (star != std::string_view::npos) {
      // The last star takes one character more; earlier ones need never be tried again.
      in = star + 1;
      at = ++from;
    } else {
      return false;
    }
  }
  while (in < pattern.size() && pattern[in] == '*') ++in;
  return in == pattern.size();
}

std::string_view takeOfList(std::string_view& list) {
  const std::size_t comma = list.find(',');
  const std::string_view first = list.substr(0, comma);
  list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  return first;
}

bool matchesList(std::string_view text, std::string_view patterns) {
  bool matched = false;
  while (!patterns.empty()) {
    std::string_view pattern = takeOfList(patterns);
    const bool negated = !pattern.empty() && pattern.front() == '!';
    if (negated) pattern.remove_prefix(1);
    if (!matchesPattern(text, pattern)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}

}  // namespace bedplate::trust
