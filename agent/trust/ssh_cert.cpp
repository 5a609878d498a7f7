#include "agent/trust/ssh_cert.h"

namespace bedplate::trust {
namespace {

constexpr std::string_view kSuffix = "-cert-v01@openssh.com";
constexpr std::string_view kAtHost = "@openssh.com";
constexpr std::uint32_t kUser = 1;
constexpr std::size_t kMostPrincipals = 256;

host::Failure malformed(std::string_view why) { return host::fail("Malformed", "", why); }

// "ssh-ed25519-cert-v01@openssh.com" is of "ssh-ed25519", "sk-ssh-ed25519-cert-v01@openssh.com" of a key at a host too.
std::string plainType(std::string_view type) {
  std::string plain(type.substr(0, type.size() - kSuffix.size()));
  if (plain.starts_with("sk-")) plain += kAtHost;
  return plain;
}

host::Status takePrincipals(std::string_view packed, std::vector<std::string>& into) {
  SshReader reader(packed);
  while (!reader.done()) {
    const auto name = reader.text();
    if (!name || into.size() == kMostPrincipals) return malformed("has a certificate with principals that are none");
    into.emplace_back(*name);
  }
  return {};
}

}  // namespace

bool isCertificate(std::string_view blob) {
  const auto type = SshReader(blob).text();
  return type && type->ends_with(kSuffix);
}

host::Result<SshCertificate> parseSshCertificate(std::string_view blob) {
  SshReader reader(blob);
  const auto type = reader.text();
  if (!type || !type->ends_with(kSuffix) || !reader.text()) return malformed("has a certificate that is cut off");
  SshCertificate certificate;
  BEDPLATE_TRY_LET(certificate.key, takeSshKey(plainType(*type), reader));
  certificate.key.kind += "-CERT";
  const auto serial = reader.u64();
  const auto kind = reader.u32();
  const auto id = reader.text();
  const auto principals = reader.text();
  const auto after = reader.u64();
  const auto before = reader.u64();
  const auto critical = reader.text();
  const auto extensions = reader.text();
  const auto reserved = reader.text();
  const auto authority = reader.text();
  const std::string_view said = blob.substr(0, blob.size() - reader.rest().size());
  const auto signature = reader.text();
  if (!serial || !id || !extensions || !reserved || !signature) return malformed("has a certificate that is cut off");
  if (!reader.done()) return malformed("has a certificate with something behind it");
  BEDPLATE_TRY(takePrincipals(*principals, certificate.principals));
  certificate.user = *kind == kUser;
  certificate.validAfter = *after;
  certificate.validBefore = *before;
  certificate.critical = !critical->empty();
  certificate.authority = *authority;
  certificate.said = said;
  certificate.signature = *signature;
  return certificate;
}

host::Status checkAuthority(const SshCertificate& certificate) {
  BEDPLATE_TRY_LET(const SshKey signer, parseSshKey(certificate.authority));
  return checkSignature(signer, certificate.signature, certificate.said);
}

}  // namespace bedplate::trust
