#include <cstdlib>

#include "agent/trust/allowed_signers.h"
#include "agent/trust/armor.h"
#include "agent/trust/patterns.h"
#include "agent/trust/revoked.h"

// What parses has keys and principals; what does not names a line. Also the files of revoked keys, and OpenPGP's
// armour.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bedplate::trust;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto signers = parseAllowedSigners({"file", text});
  if (!signers && (signers.error().reason != "InvalidKeyFile" || !signers.error().thing.starts_with("file")))
    std::abort();
  if (signers)
    for (const auto& signer : *signers) {
      if (signer.key.empty() || signer.principals.empty() || signer.line <= 0) std::abort();
      static_cast<void>(matchesList("ada@nordic-corp.no", signer.principals));
    }
  const auto revoked = parseRevoked({"file", text});
  if (revoked)
    for (const auto& print : *revoked)
      if (print.size() != 50) std::abort();
  static_cast<void>(dearmorKeys(text));
  return 0;
}
