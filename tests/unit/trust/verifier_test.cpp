#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/trust/ssh_cert.h"
#include "agent/trust/sshsig.h"
#include "agent/trust/trust.h"
#include "tests/unit/trust/signer.h"

namespace bedplate::trust {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kNow = 1'790'000'000'000'000;
const std::string kPayload =
    "tree 1111111111111111111111111111111111111111\nauthor Ada <ada@x> 1790000000 +0000\n"
    "committer Ada <ada@x> 1790000000 +0000\n\nsubject\n";

source::Commit parsed(const std::string& raw, std::size_t idSize = 20) {
  const auto id = source::hashObject(source::ObjectType::commit, raw, idSize);
  const auto commit = source::parseCommit(id, raw);
  EXPECT_TRUE(commit) << raw;
  return commit.value_or(source::Commit{});
}

// What this file of allowed signers, and perhaps one of revoked keys, says of the commit.
Verdict judge(const std::string& allowed, const std::string& raw, const std::string& revoked = "",
              std::int64_t at = kNow) {
  KeyFiles files;
  files.allowedSigners = KeyFile{"allowed_signers", allowed};
  if (!revoked.empty()) files.revokedKeys = KeyFile{"revoked", revoked};
  const auto verifier = Verifier::make(files, {});
  EXPECT_TRUE(verifier) << verifier.error().text();
  const auto verdict = (*verifier)->verify(parsed(raw), at);
  EXPECT_TRUE(verdict) << verdict.error().text();
  return verdict.value_or(Verdict{});
}

Verdict judge(const Signer& signer, const How& how = {}, const std::string& options = "") {
  return judge("ada@nordic-corp.no " + options + " " + signer.line(),
               signedObject(kPayload, signer.armoured(kPayload, how)));
}

TEST(VerifierTest, EveryKindOfKey) {
  for (const auto& [name, kind] : std::vector<std::pair<std::string, std::string>>{{"ed25519", "ED25519"},
                                                                                   {"ecdsa256", "ECDSA"},
                                                                                   {"ecdsa384", "ECDSA"},
                                                                                   {"ecdsa521", "ECDSA"},
                                                                                   {"rsa", "RSA"},
                                                                                   {"sk-ed25519", "ED25519-SK"},
                                                                                   {"sk-ecdsa", "ECDSA-SK"}}) {
    const Signer signer(name);
    for (const std::string hash : {"sha512", "sha256"}) {
      const auto verdict = judge(signer, {.hash = hash});
      EXPECT_EQ(verdict.standing, Standing::good) << name << verdict.why;
      EXPECT_EQ(verdict.reason, "Good");
      EXPECT_EQ(verdict.why, "");
      EXPECT_EQ(verdict.principal, "ada@nordic-corp.no");
      EXPECT_EQ(verdict.kind, kind);
      EXPECT_EQ(verdict.key, signer.fingerprint());
      EXPECT_EQ(verdict.payload, source::hashObject(source::ObjectType::commit, kPayload, 20));
    }
    // Of another message, and with the signature of another key in it.
    const auto other = judge("a " + signer.line(), signedObject(kPayload, signer.armoured(kPayload + "x")));
    EXPECT_EQ(other.reason, "BadSignature") << name;
    EXPECT_EQ(other.principal, "");
    EXPECT_EQ(judge("a " + Signer(name + "-2").line(), signedObject(kPayload, signer.armoured(kPayload))).reason,
              "UnknownKey");
  }
}

TEST(VerifierTest, EachByteOfASignatureCounts) {
  for (const std::string name : {"ed25519", "ecdsa256", "sk-ed25519"}) {
    const Signer signer(name);
    const std::string allowed = "a " + signer.line();
    const std::string good = signer.sign(kPayload);
    for (std::size_t i = 0; i < good.size(); ++i) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ 1);
      EXPECT_EQ(judge(allowed, signedObject(kPayload, armour(bad))).standing, Standing::bad) << name << i;
      EXPECT_EQ(judge(allowed, signedObject(kPayload, armour(good.substr(0, i)))).standing, Standing::bad) << name << i;
    }
    EXPECT_EQ(judge(allowed, signedObject(kPayload, armour(good + "x"))).reason, "Malformed");
  }
}

TEST(VerifierTest, RefusesWeakAndWrongKinds) {
  EXPECT_EQ(judge(Signer("rsa"), {.type = "rsa-sha2-256"}).standing, Standing::good);
  EXPECT_THAT(judge(Signer("rsa"), {.type = "ssh-rsa"}).why, HasSubstr("SHA-1"));
  EXPECT_THAT(judge(Signer("rsa1024")).why, HasSubstr("1024 bits"));
  EXPECT_EQ(judge(Signer("ed25519"), {.hash = "sha1"}).reason, "Unsupported");
  EXPECT_EQ(judge(Signer("ed25519"), {.type = "ecdsa-sha2-nistp256"}).reason, "Unsupported");
  EXPECT_THAT(judge(Signer("sk-ed25519"), {.flags = 0}).why, HasSubstr("nobody touched"));
  EXPECT_THAT(judge(Signer("sk-ecdsa"), {.flags = 4}).why, HasSubstr("nobody touched"));
  EXPECT_EQ(judge(Signer("sk-ecdsa"), {.flags = 5}).standing, Standing::good);
}

TEST(VerifierTest, TimeIsTheNodesAndNotTheCommits) {
  const Signer signer("ed25519");
  const std::string object = signedObject(kPayload, signer.armoured(kPayload));
  const std::string allowed = "a valid-after=\"20260101Z\",valid-before=\"20270101Z\" " + signer.line();
  constexpr std::int64_t kSecond = 1'000'000, kFirst = 1'767'225'600 * kSecond, kLast = 1'798'761'600 * kSecond;
  EXPECT_EQ(judge(allowed, object, "", kFirst - 1).reason, "NotYetValid");
  EXPECT_EQ(judge(allowed, object, "", kFirst).reason, "Good");
  EXPECT_EQ(judge(allowed, object, "", kLast).reason, "Good");
  EXPECT_EQ(judge(allowed, object, "", kLast + kSecond).reason, "Expired");
  EXPECT_THAT(judge(allowed, object, "", kLast + kSecond).why, HasSubstr("until 2027-01-01T00:00:00Z"));
  // A line that has expired does not stand in the way of one that has not.
  const std::string both = "old valid-before=\"20200101Z\" " + signer.line() + "\nnew " + signer.line();
  EXPECT_EQ(judge(both, object).principal, "new");
}

TEST(VerifierTest, NamespacesPrincipalsAndRevocation) {
  const Signer signer("ed25519");
  EXPECT_EQ(judge(signer, {.space = "file"}).reason, "WrongNamespace");
  EXPECT_EQ(judge(signer, {}, "namespaces=\"file\"").reason, "WrongNamespace");
  EXPECT_EQ(judge(signer, {}, "namespaces=\"file,g*\"").reason, "Good");
  EXPECT_EQ(judge(signer, {}, "namespaces=\"*,!git\"").reason, "WrongNamespace");
  EXPECT_EQ(judge(signer, {}, "cert-authority").reason, "UnknownKey");
  const std::string object = signedObject(kPayload, signer.armoured(kPayload));
  EXPECT_EQ(judge("!ada,ada,bob " + signer.line(), object).principal, "bob");
  EXPECT_EQ(judge("!ada,ada " + signer.line(), object).reason, "WrongPrincipal");
  EXPECT_EQ(judge("*@x " + signer.line(), object).principal, "*@x");
  EXPECT_EQ(judge("a " + signer.line(), object, signer.line()).reason, "Revoked");
  EXPECT_EQ(judge("a " + signer.line(), object, signer.fingerprint()).reason, "Revoked");
  EXPECT_EQ(judge("a " + signer.line(), object, Signer("rsa").line()).reason, "Good");
}

TEST(VerifierTest, Certificates) {
  const Signer authority("ecdsa384"), signer("ed25519");
  const auto with = [&](const CertificateHow& how, const std::string& allowed, const std::string& revoked = "",
                        const Signer* by = nullptr) {
    const std::string certificate = (by == nullptr ? authority : *by).certify(signer, how);
    return judge(allowed, signedObject(kPayload, signer.armoured(kPayload, {.certificate = certificate})), revoked);
  };
  const std::string allowed = "*@nordic-corp.no cert-authority,namespaces=\"git\" " + authority.line();
  const auto good = with({}, allowed);
  EXPECT_EQ(good.reason, "Good") << good.why;
  EXPECT_EQ(good.principal, "ada@nordic-corp.no");
  EXPECT_EQ(good.kind, "ED25519-CERT");
  EXPECT_EQ(good.key, signer.fingerprint());
  EXPECT_EQ(with({.principals = {"x", "bob@nordic-corp.no"}}, allowed).principal, "bob@nordic-corp.no");
  EXPECT_EQ(with({.principals = {"eve@x"}}, allowed).reason, "WrongPrincipal");
  EXPECT_EQ(with({.principals = {}}, allowed).reason, "WrongPrincipal");
  EXPECT_EQ(with({.type = 2}, allowed).reason, "Unsupported");
  EXPECT_EQ(with({.before = 1'790'000'000}, allowed).reason, "Expired");
  EXPECT_EQ(with({.before = 1'790'000'001}, allowed).reason, "Good");
  EXPECT_EQ(with({.after = 1'790'000'001}, allowed).reason, "NotYetValid");
  EXPECT_EQ(with({.critical = "x"}, allowed).reason, "Unsupported");
  EXPECT_EQ(with({}, allowed, signer.line()).reason, "Revoked");
  EXPECT_EQ(with({}, allowed, authority.fingerprint()).reason, "Revoked");
  EXPECT_EQ(with({}, "* " + authority.line()).reason, "UnknownKey");
  EXPECT_EQ(with({}, "* " + signer.line()).reason, "UnknownKey");
  const Signer other("rsa");
  EXPECT_EQ(with({}, allowed, "", &other).reason, "UnknownKey");
  for (const char* name : {"ecdsa256", "rsa", "sk-ed25519", "sk-ecdsa"}) {
    const Signer subject(name);
    const std::string certificate = authority.certify(subject);
    const auto verdict =
        judge(allowed, signedObject(kPayload, subject.armoured(kPayload, {.certificate = certificate})));
    EXPECT_EQ(verdict.reason, "Good") << name << verdict.why;
  }
}

TEST(VerifierTest, EachByteOfACertificateCounts) {
  const std::string good = Signer("ed25519-2").certify(Signer("ed25519"));
  const auto holds = [](std::string_view blob) {
    const auto certificate = parseSshCertificate(blob);
    return certificate && checkAuthority(*certificate);
  };
  ASSERT_TRUE(holds(good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(holds(bad)) << i;
    EXPECT_FALSE(holds(good.substr(0, i))) << i;
  }
  EXPECT_FALSE(holds(good + "x"));
}

TEST(VerifierTest, TellsUnsignedFromWhatOnlyLooksSigned) {
  const Signer signer("ed25519");
  const std::string allowed = "a " + signer.line();
  EXPECT_EQ(judge(allowed, kPayload).standing, Standing::unsignedCommit);
  EXPECT_EQ(judge(allowed, kPayload).why, "is not signed");
  std::string message = signedObject("\n\n", signer.armoured(kPayload));
  const auto verdict = judge(allowed, kPayload + message);
  EXPECT_EQ(verdict.standing, Standing::unsignedCommit);
  EXPECT_THAT(verdict.why, HasSubstr("message"));
  const std::string once = signedObject(kPayload, signer.armoured(kPayload));
  EXPECT_EQ(judge(allowed, signedObject(once, signer.armoured(once))).reason, "Malformed");
  EXPECT_EQ(judge(allowed, signedObject(kPayload, "-----BEGIN SIGNED MESSAGE-----\nx")).reason, "Unsupported");
  EXPECT_EQ(judge(allowed, signedObject(kPayload, "hello")).reason, "Unsupported");
  EXPECT_EQ(judge(allowed, signedObject(kPayload, "-----BEGIN PGP SIGNATURE-----\nx")).reason, "UnknownKey");
  EXPECT_EQ(judge("", once).reason, "UnknownKey");
}

TEST(VerifierTest, ASha256Commit) {
  const Signer signer("ed25519");
  std::string payload = kPayload;
  payload.replace(5, 40, std::string(64, '1'));
  std::string raw = signedObject(payload, signer.armoured(payload));
  raw.replace(raw.find("gpgsig"), 6, "gpgsig-sha256");
  KeyFiles files;
  files.allowedSigners = KeyFile{"allowed_signers", "a " + signer.line()};
  const auto verifier = Verifier::make(files, {});
  ASSERT_TRUE(verifier);
  const auto verdict = (*verifier)->verify(parsed(raw, 32), kNow);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->reason, "Good") << verdict->why;
  EXPECT_EQ(verdict->payload, source::hashObject(source::ObjectType::commit, payload, 32));
}

TEST(VerifierTest, BrokenKeyFilesAreErrorsAndNoVerdict) {
  KeyFiles files;
  files.allowedSigners = KeyFile{"etc/allowed_signers", "ada nonsense"};
  EXPECT_THAT(Verifier::make(files, {}).error().text(), HasSubstr("etc/allowed_signers:1"));
  files.allowedSigners.reset();
  files.revokedKeys = KeyFile{"revoked", "nonsense"};
  EXPECT_THAT(Verifier::make(files, {}).error().text(), HasSubstr("revoked:1"));
  files.revokedKeys.reset();
  files.gpgKeyring = KeyFile{"ring", "nonsense"};
  EXPECT_EQ(Verifier::make(files, {}).error().reason, "InvalidKeyFile");
  files.gpgKeyring = KeyFile{"ring", "\x98 a key"};
  source::WorkerSetup gpgv;
  gpgv.program = "/nonexistent/gpgv";
  gpgv.user = "";
  const auto verifier = Verifier::make(files, gpgv);
  ASSERT_TRUE(verifier);
  const auto verdict = (*verifier)->verify(parsed(signedObject(kPayload, "-----BEGIN PGP SIGNATURE-----\nx")), kNow);
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().reason, "GpgvFailed");
}

}  // namespace
}  // namespace bedplate::trust
