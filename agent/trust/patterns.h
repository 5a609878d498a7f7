// Lists of patterns as ssh uses them: "*.nordic-corp.no,!eve@*". Private to agent/trust. Thread-safety: free functions.
#pragma once

#include <string_view>

namespace bedplate::trust {

// '*' is any number of characters, '?' one. The time is bounded by the product of the lengths.
bool matchesPattern(std::string_view text, std::string_view pattern);

// Patterns between commas: one matches, and none of those behind a '!' does.
bool matchesList(std::string_view text, std::string_view patterns);

// Takes what stands before the next comma off the list.
std::string_view takeOfList(std::string_view& list);

}  // namespace bedplate::trust
