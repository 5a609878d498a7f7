#include "agent/worker/known_hosts.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

namespace bedplate::worker {
namespace {

using enum HostKeyVerdict;

// Made with ssh-keygen, hashed names with ssh-keygen -H; the private keys are gone.
const std::string kEd = "AAAAC3NzaC1lZDI1NTE5AAAAIGLnMHOI4Z/Yj1F5NRddjYeuUIjwNDk+cF4/EZyYr1Jq";
const std::string kEc =
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBFB1d5zhiTLJvSpxj+"
    "msCjQ8WkMXdbPfvdqmr0pPcDMMLMFRMEdQbQdiTYIuIWr7NV1+Q1YilP8levfCXLKe698=";
const std::string kFingerprint = "SHA256:K0V+iKqlUQbkpMZ61DubMK6AwY8amfvR70Ns34KML1E";
const std::string kHashed = "|1|15lBd9tdfcHmiKrl9Dey+Mj5U4c=|YPQwTW/KWFYUAJopu7464dUaVfQ=";
const std::string kHashedPort = "|1|i1T7UFsDHrx8vYUgCpBropml0YY=|FtFQoFR8TiFjGuM9De5mV7NZtBk=";

std::string raw(const std::string& base64) {
  std::string bytes(base64.size(), '\0');
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(base64.data()), static_cast<int>(base64.size()));
  bytes.resize(static_cast<std::size_t>(length) - (base64.ends_with("==") ? 2 : base64.ends_with('=') ? 1 : 0));
  return bytes;
}

HostKeyVerdict check(const std::string& text, std::uint16_t port = 22, const std::string& host = "git.example.org") {
  return checkHostKey(text, host, port, raw(kEd));
}

TEST(KnownHosts, TakesPlainHashedAndPatternNames) {
  const std::string key = " ssh-ed25519 " + kEd;
  EXPECT_EQ(check("git.example.org" + key), trusted);
  EXPECT_EQ(check("# comment\r\n\nGIT.Example.ORG,10.0.0.1" + key + " a comment\r\n"), trusted);
  EXPECT_EQ(check(kHashed + key), trusted);
  EXPECT_EQ(check("*.example.or?" + key), trusted);
  EXPECT_EQ(check("  git.example.org\tssh-ed25519\t" + kEd), trusted);
}

TEST(KnownHosts, TakesThePortSeriously) {
  const std::string key = " ssh-ed25519 " + kEd;
  EXPECT_EQ(check("[git.example.org]:2222" + key, 2222), trusted);
  EXPECT_EQ(check(kHashedPort + key, 2222), trusted);
  EXPECT_EQ(check("git.example.org" + key, 2222), unknownHost);
  EXPECT_EQ(check(kHashed + key, 2222), unknownHost);
  EXPECT_EQ(check("[git.example.org]:2222" + key), unknownHost);
}

TEST(KnownHosts, FailsClosed) {
  const std::string key = " ssh-ed25519 " + kEd;
  EXPECT_EQ(check(""), unknownHost);
  EXPECT_EQ(check("other.example.org" + key), unknownHost);
  EXPECT_EQ(check("git.example.org ecdsa-sha2-nistp256 " + kEc), otherKey);
  EXPECT_EQ(check("!git.example.org,*" + key), unknownHost);
  EXPECT_EQ(check("git.example.org ssh-ed25519 not-base64"), unknownHost);
  EXPECT_EQ(check("git.example.org ssh-ed25519"), unknownHost);
  EXPECT_EQ(check("|1|bad|salt" + key), unknownHost);
  EXPECT_EQ(check("|1|" + key), unknownHost);
  EXPECT_EQ(check("@cert-authority git.example.org" + key), unknownHost);
  EXPECT_EQ(check("@revoked git.example.org" + key + "\ngit.example.org" + key), revoked);
  EXPECT_EQ(check("git.example.org" + key + "\n@revoked *" + key), revoked);
}

TEST(KnownHosts, TakesAnyOfSeveralKeys) {
  EXPECT_EQ(check("git.example.org ecdsa-sha2-nistp256 " + kEc + "\ngit.example.org ssh-ed25519 " + kEd), trusted);
}

TEST(KnownHosts, ShowsTheFingerprintAsSshKeygenDoes) {
  EXPECT_EQ(fingerprint(raw(kEd)), "ssh-ed25519 " + kFingerprint);
  EXPECT_EQ(fingerprint("").substr(0, 15), "unknown SHA256:");
}

}  // namespace
}  // namespace bedplate::worker
