// Which kind of signature a commit has, and who is asked about it.
#include "agent/trust/openpgp.h"
#include "agent/trust/signed_commit.h"
#include "agent/trust/ssh_judge.h"

namespace bedplate::trust {
namespace {

constexpr std::int64_t kMicroseconds = 1'000'000;

Verdict no(Standing standing, std::string_view reason, std::string_view why) {
  Verdict verdict;
  verdict.standing = standing;
  verdict.reason = reason;
  verdict.why = why;
  return verdict;
}

class KeyVerifier final : public Verifier {
 public:
  KeyVerifier(SshRules ssh, std::optional<OpenPgp> openPgp) : ssh_(std::move(ssh)), openPgp_(std::move(openPgp)) {}

  host::Result<Verdict> verify(const source::Commit& commit, std::int64_t atUs) override {
    const auto parts = splitCommit(commit.raw, commit.id.size());
    if (!parts) return no(Standing::bad, parts.error().reason, parts.error().why);
    BEDPLATE_TRY_LET(Verdict verdict, judge(commit, *parts, atUs));
    verdict.payload = source::hashObject(source::ObjectType::commit, parts->payload, commit.id.size());
    return verdict;
  }

 private:
  host::Result<Verdict> judge(const source::Commit& commit, const SignedCommit& parts, std::int64_t atUs) {
    const std::string_view signature = parts.signature;
    if (signature.empty())
      return no(Standing::unsignedCommit, "Unsigned",
                signatureInMessage(commit.raw) ? "is not signed: what its message holds is no signature of the commit"
                                               : "is not signed");
    if (signature.starts_with("-----BEGIN SSH SIGNATURE-----"))
      return judgeSsh(ssh_, signature, parts.payload, atUs / kMicroseconds);
    if (signature.starts_with("-----BEGIN PGP SIGNATURE-----")) {
      if (openPgp_) return openPgp_->judge(signature, parts.payload);
      Verdict verdict = no(Standing::bad, "UnknownKey", "is signed with OpenPGP, and there is no gpg-keyring");
      verdict.kind = "OpenPGP";
      return verdict;
    }
    if (signature.starts_with("-----BEGIN SIGNED MESSAGE-----"))
      return no(Standing::bad, "Unsupported", "is signed with an X.509 certificate");
    return no(Standing::bad, "Unsupported", "has a signature that is neither of SSH nor of OpenPGP");
  }

  SshRules ssh_;
  std::optional<OpenPgp> openPgp_;
};

}  // namespace

host::Result<std::unique_ptr<Verifier>> Verifier::make(const KeyFiles& files, source::WorkerSetup gpgv) {
  SshRules ssh;
  if (files.allowedSigners) {
    BEDPLATE_TRY_LET(ssh.allowed, parseAllowedSigners(*files.allowedSigners));
  }
  if (files.revokedKeys) {
    BEDPLATE_TRY_LET(ssh.revoked, parseRevoked(*files.revokedKeys));
  }
  std::optional<OpenPgp> openPgp;
  if (files.gpgKeyring) {
    BEDPLATE_TRY_LET(openPgp, OpenPgp::make(*files.gpgKeyring, std::move(gpgv)));
  }
  return std::make_unique<KeyVerifier>(std::move(ssh), std::move(openPgp));
}

}  // namespace bedplate::trust
