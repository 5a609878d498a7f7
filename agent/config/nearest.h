// The valid name that a wrong one was most likely meant to be.
// Thread-safety: free functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bedplate::config {

// The one of `names` with the fewest edits (insert, delete, replace, swap neighbours; case and '_' for '-' are free)
// from `wrong`, or "" when none is near enough to be meant.
std::string nearest(std::string_view wrong, const std::vector<std::string_view>& names);

}  // namespace bedplate::config
