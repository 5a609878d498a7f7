// Whether an SSH signature is by somebody who may sign. Private to agent/trust.
// Thread-safety: free functions and plain values.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "agent/trust/allowed_signers.h"
#include "agent/trust/revoked.h"
#include "agent/trust/trust.h"

namespace bedplate::trust {

struct SshRules {
  std::vector<AllowedSigner> allowed;
  Revoked revoked;
};

// The verdict on the armoured `signature` over `payload`, at this time in seconds since the epoch.
// Verdict::payload is left to the caller.
Verdict judgeSsh(const SshRules& rules, std::string_view signature, std::string_view payload, std::int64_t atSeconds);

}  // namespace bedplate::trust
