#include <cstdlib>

#include "agent/trust/armor.h"
#include "agent/trust/ssh_cert.h"
#include "agent/trust/ssh_judge.h"
#include "agent/trust/sshsig.h"

namespace {

// What the judge does with a key that is allowed: this one's bytes are anybody's too.
void readKey(const bedplate::trust::SshSignature& signature) {
  using namespace bedplate::trust;
  if (const auto certificate = parseSshCertificate(signature.publicKey)) {
    static_cast<void>(checkAuthority(*certificate));
    static_cast<void>(checkSignature(certificate->key, signature.signature, signedBytes(signature, "another")));
  }
  if (const auto key = parseSshKey(signature.publicKey)) {
    if (key->blob != signature.publicKey || key->kind.empty()) std::abort();
    static_cast<void>(checkSignature(*key, signature.signature, signedBytes(signature, "another")));
  }
}

}  // namespace

// A signature of anybody's, armoured or bare, is never good: the key that is allowed signed nothing of it. And what can
// be read of it has a fingerprint.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bedplate::trust;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const SshRules kRules = [] {
    SshRules rules;
    rules.allowed = *parseAllowedSigners(
        {"",
         "* ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN1GWrIY7PCR3Fb2cwnfj6sf4jUmJ5Y6BV9QpaL5P5Jt\n"
         "* cert-authority ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN1GWrIY7PCR3Fb2cwnfj6sf4jUmJ5Y6BV9QpaL5P5Jt\n"});
    return rules;
  }();
  if (const auto signature = parseSshSignature(text)) readKey(*signature);
  std::string armoured = "-----BEGIN SSH SIGNATURE-----\n";
  const std::string digits = encodeBase64(text);
  for (std::size_t at = 0; at < digits.size(); at += 70) armoured += digits.substr(at, 70) + "\n";
  armoured += "-----END SSH SIGNATURE-----\n";
  for (const std::string& signature : {std::string(text), armoured}) {
    const Verdict verdict = judgeSsh(kRules, signature, "payload", 1'790'000'000);
    if (verdict.standing != Standing::bad || verdict.why.empty() || verdict.reason.empty()) std::abort();
    if (!verdict.key.empty() && (verdict.key.size() != 50)) std::abort();
  }
  return 0;
}
