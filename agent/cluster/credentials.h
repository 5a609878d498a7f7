// Private keys and tokens by their look, in any text: what must never be in Git, wherever in a file it stands.
//
// Known by shape alone, so this finds what is pasted by mistake and not what somebody hides. What stands in for a
// value (xxxxx, <token>, AWS's own ...EXAMPLE) is none. Linear in the text: 1 MiB of anything takes milliseconds.
// Thread-safety: free functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/cluster/yaml.h"

namespace bedplate::cluster {

struct Credential {
  yaml::Place at;
  std::string_view what;  // "a private key", "a GitHub token"; never a part of it. A literal.
  bool isKey = false;     // a private key: no line can say that it is none
  bool excused = false;   // its line says that it is no secret
};

// On the line of what only looks like a token.
inline constexpr std::string_view kNoSecret = "bedplate:not-a-secret";

// In the order of the text; at most 20, then there is enough to say.
std::vector<Credential> findCredentials(std::string_view text);

// Base64 of either alphabet for a look at what it says; what is neither is passed over.
std::string decodeBase64Loosely(std::string_view text);

}  // namespace bedplate::cluster
