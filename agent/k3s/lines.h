// What can be read off K3s's files line by line. Internal to agent/k3s.
//
// These files are the operator's own and K3s has taken them already: the look is tolerant, and what it does not
// understand it does not see.
// Thread-safety: free functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bedplate::k3s {

// The scalar of a key that stands at the beginning of a line, without quotes and comment; the last one counts.
std::optional<std::string> topLevelValue(std::string_view yaml, std::string_view key);

// The words of a unit's ExecStart (quotes and continued lines as systemd takes them), without the program itself.
std::vector<std::string> commandWords(std::string_view unit);

// "--option=value" or "--option value"; the last one counts.
std::optional<std::string> optionValue(const std::vector<std::string>& words, std::string_view option);

// The first line that is neither blank nor a comment, trimmed.
std::string firstLine(std::string_view text);

}  // namespace bedplate::k3s
