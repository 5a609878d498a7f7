// What the files of keys have in common: lines, words and a public key. Private to agent/trust.
// Thread-safety: free functions and plain values.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "agent/trust/trust.h"

namespace bedplate::trust {

// Calls `take` for each line that is neither empty nor a comment, blanks around it removed. A line it has something
// against is named: "InvalidKeyFile". So are files of more than 1 MiB, and bytes that are no text.
host::Status eachLine(const KeyFile& file, const std::function<host::Status(int number, std::string_view line)>& take);

// For what is wrong with a line.
host::Failure badLine(std::string_view why, std::string_view todo = {});

std::string_view takeWord(std::string_view& line);

// "ssh-ed25519 AAAA... comment": the blob. nullopt when the line does not begin with a type that SSH knows;
// "InvalidKeyFile" when it does and no key follows.
host::Result<std::optional<std::string>> takeKey(std::string_view line);

}  // namespace bedplate::trust
