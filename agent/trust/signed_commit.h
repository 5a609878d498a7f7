// A commit object taken apart into what was signed and the signature. Private to agent/trust.
// Thread-safety: free functions and plain values.
#pragma once

#include <string>
#include <string_view>

#include "tuning/host/result.h"

namespace bedplate::trust {

struct SignedCommit {
  std::string payload;    // the exact object without the signature's header
  std::string signature;  // with its line ends; empty when the commit is not signed
};

// `idSize` is 20 or 32: the signature's header is "gpgsig" or "gpgsig-sha256". Only headers count, up to the blank
// line; what looks like a signature in the message is message. "Malformed" for more than one header whose name begins
// with "gpgsig", which git would skip or take the last of, or one for ids of the other size.
host::Result<SignedCommit> splitCommit(std::string_view raw, std::size_t idSize);

// Whether the message holds what would be a signature if it were a header.
bool signatureInMessage(std::string_view raw);

}  // namespace bedplate::trust
