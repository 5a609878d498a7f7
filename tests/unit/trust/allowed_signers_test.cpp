#include "agent/trust/allowed_signers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "agent/trust/revoked.h"
#include "tests/unit/trust/signer.h"

namespace bedplate::trust {
namespace {

using ::testing::HasSubstr;

const std::string kKey = Signer("ed25519").line();

host::Result<std::vector<AllowedSigner>> parse(const std::string& text) {
  return parseAllowedSigners({"allowed_signers", text});
}

AllowedSigner only(const std::string& line) {
  const auto signers = parse(line + "\n");
  if (!signers || signers->size() != 1) {
    ADD_FAILURE() << line << (signers ? "" : signers.error().text());
    return {};
  }
  return signers->front();
}

TEST(AllowedSignersTest, ReadsWhatSshKeygenReads) {
  EXPECT_EQ(only("ada@x " + kKey).principals, "ada@x");
  EXPECT_EQ(only(" \tada,*@y\t" + kKey + "\r").principals, "ada,*@y");
  EXPECT_EQ(only("\"Ada Lovelace\" " + kKey).principals, "Ada Lovelace");
  EXPECT_FALSE(only("ada " + kKey + " a comment").certAuthority);
  EXPECT_TRUE(only("* cert-authority " + kKey).certAuthority);
  EXPECT_EQ(only("* NameSpaces=\"git,f\\\"ile\" " + kKey).namespaces, "git,f\"ile");
  const auto signer =
      only("* cert-authority,valid-after=\"20200102Z\",namespaces=\"git\",valid-before=\"202101020304Z\" " + kKey);
  EXPECT_TRUE(signer.certAuthority);
  EXPECT_EQ(signer.validAfter, 1577923200);
  EXPECT_EQ(signer.validBefore, 1609556640);
  EXPECT_EQ(signer.line, 1);
  const auto two = parse("# nobody\n\n  # at all\nada " + kKey + "\nbob " + kKey);
  ASSERT_TRUE(two);
  ASSERT_EQ(two->size(), 2u);
  EXPECT_EQ(two->back().line, 5);
  EXPECT_EQ(two->back().key, Signer("ed25519").blob());
  EXPECT_TRUE(parse("")->empty());
}

TEST(AllowedSignersTest, NamesTheLineThatItCannotRead) {
  for (const std::string& line :
       std::vector<std::string>{"ada",
                                "ada foo " + kKey,
                                "ada valid-after=20200101 " + kKey,
                                "ada namespaces=git " + kKey,
                                "ada namespaces=\"git\", " + kKey,
                                "ada namespaces=\"git\" namespaces=\"git\" " + kKey,
                                "ada namespaces=\"a\",namespaces=\"git\" " + kKey,
                                "ada namespaces=\"git " + kKey,
                                "ada valid-after=\"\" " + kKey,
                                "ada valid-after=\"20301301\" " + kKey,
                                "ada valid-after=\"20300101\",valid-before=\"20200101\" " + kKey,
                                "ada cert-authority",
                                "ada cert-authority,cert-authority",
                                "\"ada " + kKey,
                                "\"ada\"" + kKey,
                                "\"\" " + kKey,
                                std::string("ada ssh-ed25519"),
                                std::string("ada ssh-ed25519 AAAA"),
                                "ada ssh-rsa " + kKey.substr(12),
                                "ada " + kKey + "x",
                                std::string("ada ssh-xyz AAAA"),
                                "ada " + kKey.substr(0, 30) + std::string(1, '\0')}) {
    const auto signers = parse("ok " + kKey + "\n" + line + "\n");
    ASSERT_FALSE(signers) << line;
    EXPECT_EQ(signers.error().reason, "InvalidKeyFile");
    EXPECT_EQ(signers.error().thing, "allowed_signers:2") << line;
  }
  EXPECT_FALSE(parse(std::string((1 << 20) + 1, '#')));
}

TEST(AllowedSignersTest, TimesAreLocalUnlessTheySayUtc) {
  EXPECT_EQ(parseSignerTime("19700101Z"), 0);
  EXPECT_EQ(parseSignerTime("19700101000001z"), 1);
  EXPECT_EQ(parseSignerTime("202002290000UTC"), 1582934400);
  ::setenv("TZ", "<+02>-2", 1);
  ::tzset();
  EXPECT_EQ(parseSignerTime("19700101120000"), 10 * 3600);
  EXPECT_EQ(parseSignerTime("19700101120000Z"), 12 * 3600);
  ::unsetenv("TZ");
  ::tzset();
  for (const char* text : {"", "Z", "2020", "2020010112", "20200132", "20201301", "20200001", "20200100", "19691231",
                           "202001012400", "202001010060", "20200101000060", "2020-101", "+2020101", "20200101 ",
                           "20200101ZZ", "20200101T00Z", "202001010000000Z"})
    EXPECT_FALSE(parseSignerTime(text)) << text;
}

TEST(RevokedTest, TakesKeysAndFingerprints) {
  const Signer ada("ed25519"), bob("rsa");
  const auto revoked =
      parseRevoked({"revoked", "# lost\n" + ada.line() + " laptop\n" + bob.fingerprint() + " (RSA)\n"});
  ASSERT_TRUE(revoked) << revoked.error().text();
  EXPECT_EQ(*revoked, (Revoked{ada.fingerprint(), bob.fingerprint()}));
}

TEST(RevokedTest, RefusesWhatItCannotKeepTo) {
  for (const char* line : {"sha256: SHA256:abc", "SHA256:abc", "serial: 7", "ssh-ed25519 AAAA", "id: ada"}) {
    const auto revoked = parseRevoked({"revoked", std::string("#\n") + line});
    ASSERT_FALSE(revoked) << line;
    EXPECT_EQ(revoked.error().thing, "revoked:2");
  }
  const auto binary = parseRevoked({"revoked", std::string("SSHKRL\n\0\0\0\0\1", 12)});
  ASSERT_FALSE(binary);
  EXPECT_THAT(binary.error().text(), HasSubstr("binary list of ssh-keygen -k"));
}

}  // namespace
}  // namespace bedplate::trust
