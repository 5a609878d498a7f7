// What a module may be called. Private to tuning/modules.
#pragma once

#include <algorithm>
#include <string_view>

namespace bedplate::modules {

inline constexpr std::size_t kMaxName = 64;

inline bool isNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

inline bool isName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && std::all_of(name.begin(), name.end(), isNameCharacter);
}

}  // namespace bedplate::modules
