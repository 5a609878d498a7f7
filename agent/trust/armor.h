// Base64, and the two kinds of armour around it. Private to agent/trust.
// Thread-safety: free functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tuning/host/result.h"

namespace bedplate::trust {

// Canonical base64 with its padding and nothing else; nullopt for anything that an encoder would not have written.
std::optional<std::string> decodeBase64(std::string_view text);
std::string encodeBase64(std::string_view bytes);

// What is within "-----BEGIN SSH SIGNATURE-----" and its end. Every line but the last is as long as the first: 64, 70
// or 76 characters, which is what signers write. Any other wrapping is another commit id for the same signature.
// "Malformed".
host::Result<std::string> dearmorSignature(std::string_view text);

// The blocks of OpenPGP public keys in a text, one after the other; what stands around them is passed over.
// "Malformed".
host::Result<std::string> dearmorKeys(std::string_view text);

}  // namespace bedplate::trust
