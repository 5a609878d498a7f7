// The bytes of a sealed file, and the arithmetic. Internal to trust; the contract is in trust.h.
// Thread-safety: free functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/trust/openssl.h"
#include "agent/trust/trust.h"

namespace bedplate::trust {

// base64( u16be length || RSA block of that length || AES-256-GCM with its tag behind )
struct Envelope {
  std::string bytes;
  std::size_t rsaSize = 0;
  [[nodiscard]] std::string_view rsa() const { return std::string_view(bytes).substr(2, rsaSize); }
  [[nodiscard]] std::string_view gcm() const { return std::string_view(bytes).substr(2 + rsaSize); }
};
host::Result<Envelope> parseEnvelope(std::string_view text);

// With one key; nullopt: the key does not open the RSA block, or not with this label. "SealedDamaged": it does, and
// the content is not what was sealed.
host::Result<std::optional<Secret>> openWith(EVP_PKEY* key, const Envelope& envelope, const std::string& label);

// The bytes, not yet as base64.
host::Result<std::string> sealFor(EVP_PKEY* key, std::string_view content, const std::string& label);

}  // namespace bedplate::trust
