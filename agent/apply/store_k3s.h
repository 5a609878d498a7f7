// Settings of the state that more than one file knows. Internal to apply.
// Thread-safety: free functions.
#pragma once

#include <set>
#include <string>

namespace bedplate::apply {

// Store::sealedPaths(): a line each.
inline constexpr const char* kSealedPaths = "k3s.sealed";
std::string sealedText(const std::set<std::string>& paths);

}  // namespace bedplate::apply
