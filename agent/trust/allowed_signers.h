// The file of ssh-keygen(1), ALLOWED SIGNERS. Private to agent/trust. Thread-safety: free functions and plain values.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "agent/trust/trust.h"

namespace bedplate::trust {

struct AllowedSigner {
  int line = 0;
  std::string principals;  // a list of patterns
  bool certAuthority = false;
  std::optional<std::string> namespaces;  // a list of patterns
  // Seconds since the epoch; both still count.
  std::int64_t validAfter = std::numeric_limits<std::int64_t>::min();
  std::int64_t validBefore = std::numeric_limits<std::int64_t>::max();
  std::string key;  // the blob
};

// "InvalidKeyFile" names the line. Where ssh-keygen would pass over a line that it cannot read, the whole file is
// refused: a slip must not take away a revocation date or a signer in silence.
host::Result<std::vector<AllowedSigner>> parseAllowedSigners(const KeyFile& file);

// YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS; in UTC with a "Z" or "UTC" behind it, else in the zone of this machine.
std::optional<std::int64_t> parseSignerTime(std::string_view text);

}  // namespace bedplate::trust
