#include "agent/trust/revoked.h"

#include "agent/trust/armor.h"
#include "agent/trust/key_line.h"
#include "agent/trust/ssh_key.h"

namespace bedplate::trust {
namespace {

constexpr std::string_view kBinaryList = "SSHKRL\n";
constexpr std::string_view kFingerprint = "SHA256:";
constexpr std::size_t kFingerprintDigits = 43;

}  // namespace

host::Result<Revoked> parseRevoked(const KeyFile& file) {
  if (file.text.starts_with(kBinaryList))
    return host::fail("InvalidKeyFile", file.name, "is a binary list of ssh-keygen -k, which is not read",
                      "write the revoked public keys or their SHA256 fingerprints into it, one a line");
  Revoked revoked;
  BEDPLATE_TRY(eachLine(file, [&](int, std::string_view line) -> host::Status {
    BEDPLATE_TRY_LET(const auto key, takeKey(line));
    if (key) {
      revoked.insert(fingerprint(*key));
      return {};
    }
    const std::string_view word = takeWord(line);
    const bool good = word.starts_with(kFingerprint) && word.size() == kFingerprint.size() + kFingerprintDigits &&
                      decodeBase64(std::string(word.substr(kFingerprint.size())) + "=");
    if (!good) return badLine("is neither a public key of SSH nor a fingerprint SHA256:...");
    revoked.emplace(word);
    return {};
  }));
  return revoked;
}

}  // namespace bedplate::trust
