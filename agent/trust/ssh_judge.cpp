#include "agent/trust/ssh_judge.h"

#include <algorithm>

#include "agent/trust/armor.h"
#include "agent/trust/patterns.h"
#include "agent/trust/ssh_cert.h"
#include "agent/trust/sshsig.h"
#include "tuning/host/clock.h"

namespace bedplate::trust {
namespace {

constexpr std::string_view kNamespace = "git";
constexpr std::int64_t kMicroseconds = 1'000'000;

host::Failure no(std::string_view reason, std::string_view why) { return host::fail(reason, "", why); }

// A key as it signed: its own, or with a certificate.
struct Claim {
  SshKey key;
  std::optional<SshCertificate> certificate;
};

bool names(const AllowedSigner& signer, std::string_view key, bool authority) {
  return signer.certAuthority == authority && signer.key == key;
}

bool known(const SshRules& rules, std::string_view key, bool authority) {
  return std::any_of(rules.allowed.begin(), rules.allowed.end(),
                     [&](const AllowedSigner& signer) { return names(signer, key, authority); });
}

// What nobody allowed is not handed to OpenSSL at all: its keys and numbers are whoever pushed the commit's.
host::Result<Claim> parseClaim(const SshRules& rules, const std::string& blob, Verdict& verdict) {
  Claim claim;
  if (!isCertificate(blob)) {
    verdict.key = fingerprint(blob);
    verdict.kind = kindOf(SshReader(blob).text().value_or(""));
    if (!known(rules, blob, false))
      return no("UnknownKey", "is signed with a key that is not among the allowed signers");
    BEDPLATE_TRY_LET(claim.key, parseSshKey(blob));
    return claim;
  }
  BEDPLATE_TRY_LET(claim.certificate, parseSshCertificate(blob));
  claim.key = std::move(claim.certificate->key);
  verdict.key = fingerprint(claim.key.blob);
  verdict.kind = claim.key.kind;
  if (!known(rules, claim.certificate->authority, true))
    return no("UnknownKey", "is signed with a certificate of an authority that is not allowed");
  BEDPLATE_TRY(checkAuthority(*claim.certificate));
  return claim;
}

// The first of the line's own patterns that the line admits: what git shows of a key.
std::string principalOf(const AllowedSigner& signer) {
  std::string_view rest = signer.principals;
  while (!rest.empty()) {
    const std::string_view candidate = takeOfList(rest);
    if (!candidate.empty() && matchesList(candidate, signer.principals)) return std::string(candidate);
  }
  return {};
}

host::Result<std::string> principalOf(const AllowedSigner& signer, const SshCertificate& certificate) {
  for (const auto& principal : certificate.principals)
    if (matchesList(principal, signer.principals)) return principal;
  return no("WrongPrincipal", "is signed with a certificate for none of the principals that its authority may name");
}

std::string shownTime(std::int64_t seconds) {
  constexpr std::int64_t kLast = 253402300799;  // of the year 9999
  return host::isoTime(std::clamp<std::int64_t>(seconds, 0, kLast) * kMicroseconds);
}

host::Status checkTimes(const AllowedSigner& signer, std::int64_t at) {
  if (at < signer.validAfter)
    return no("NotYetValid", "is signed with a key that is valid from " + shownTime(signer.validAfter));
  if (at > signer.validBefore)
    return no("Expired", "is signed with a key that was valid until " + shownTime(signer.validBefore));
  return {};
}

host::Status checkCertificate(const SshCertificate& certificate, std::int64_t at) {
  if (!certificate.user) return no("Unsupported", "is signed with the certificate of a host");
  if (certificate.critical) return no("Unsupported", "is signed with a certificate with critical options");
  const auto now = static_cast<std::uint64_t>(std::max<std::int64_t>(at, 0));
  if (now < certificate.validAfter) return no("NotYetValid", "is signed with a certificate that is not valid yet");
  if (now >= certificate.validBefore) return no("Expired", "is signed with a certificate that has expired");
  return {};
}

// The principal, where this line lets the key sign commits now.
host::Result<std::string> admit(const AllowedSigner& signer, const Claim& claim, std::int64_t at) {
  if (signer.namespaces && !matchesList(kNamespace, *signer.namespaces))
    return no("WrongNamespace", "is signed with a key that may not sign for \"git\"");
  BEDPLATE_TRY(checkTimes(signer, at));
  if (claim.certificate) {
    BEDPLATE_TRY(checkCertificate(*claim.certificate, at));
    return principalOf(signer, *claim.certificate);
  }
  std::string principal = principalOf(signer);
  if (principal.empty()) return no("WrongPrincipal", "is signed with a key whose principals exclude each other");
  return principal;
}

// One line that admits the key is enough; else the first that names it says why not.
host::Result<std::string> findSigner(const SshRules& rules, const Claim& claim, std::int64_t at) {
  std::optional<host::Error> why;
  for (const auto& signer : rules.allowed) {
    if (!(claim.certificate ? names(signer, claim.certificate->authority, true) : names(signer, claim.key.blob, false)))
      continue;
    auto principal = admit(signer, claim, at);
    if (principal) return principal;
    if (!why) why = std::move(principal).error();
  }
  return host::Failure(why ? std::move(*why) : host::Error{"UnknownKey", 0, "", "is signed with an unknown key", ""});
}

bool isRevoked(const SshRules& rules, const Claim& claim) {
  return rules.revoked.contains(fingerprint(claim.key.blob)) ||
         (claim.certificate && rules.revoked.contains(fingerprint(claim.certificate->authority)));
}

host::Result<std::string> judge(const SshRules& rules, std::string_view armoured, std::string_view payload,
                                std::int64_t at, Verdict& verdict) {
  BEDPLATE_TRY_LET(const std::string bytes, dearmorSignature(armoured));
  BEDPLATE_TRY_LET(const SshSignature signature, parseSshSignature(bytes));
  BEDPLATE_TRY_LET(const Claim claim, parseClaim(rules, signature.publicKey, verdict));
  if (signature.space != kNamespace) return no("WrongNamespace", "has a signature that was made for something else");
  BEDPLATE_TRY(checkSignature(claim.key, signature.signature, signedBytes(signature, payload)));
  if (isRevoked(rules, claim)) return no("Revoked", "is signed with a key that is revoked");
  return findSigner(rules, claim, at);
}

}  // namespace

Verdict judgeSsh(const SshRules& rules, std::string_view signature, std::string_view payload, std::int64_t atSeconds) {
  Verdict verdict;
  auto principal = judge(rules, signature, payload, atSeconds, verdict);
  if (!principal) {
    verdict.reason = std::move(principal.error().reason);
    verdict.why = std::move(principal.error().why);
    return verdict;
  }
  verdict.standing = Standing::good;
  verdict.reason = "Good";
  verdict.principal = std::move(*principal);
  return verdict;
}

}  // namespace bedplate::trust
