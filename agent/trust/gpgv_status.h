// What gpgv says on its status descriptor. Private to agent/trust. Thread-safety: free functions.
#pragma once

#include <string_view>

#include "agent/trust/trust.h"

namespace bedplate::trust {

// The verdict in these lines ("[GNUPG:] GOODSIG ..."). Good only for exactly one signature, with one GOODSIG and one
// VALIDSIG of one key, over binary data, and not a word against it: gpgv itself ends with 0 for keys that have expired
// or are revoked. Verdict::payload is left to the caller.
Verdict readGpgvStatus(std::string_view text);

}  // namespace bedplate::trust
