// The file of keys that are taken back. Private to agent/trust. Thread-safety: plain values.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "agent/trust/trust.h"

namespace bedplate::trust {

// Fingerprints ("SHA256:..."), whichever way a line named the key.
using Revoked = std::set<std::string, std::less<>>;

// Public keys as in .pub files, or their fingerprints as `ssh-keygen -l` prints them, one a line. "InvalidKeyFile" for
// lines that are neither, and for the binary lists of `ssh-keygen -k`.
host::Result<Revoked> parseRevoked(const KeyFile& file);

}  // namespace bedplate::trust
