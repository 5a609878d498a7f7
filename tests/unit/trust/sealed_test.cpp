// Sealed files: the form, the arithmetic, and what is refused.
#include "agent/trust/sealed.h"
#include "agent/trust/armor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "agent/trust/sealing_keys.h"
#include "tests/lib/temp_tree.h"
#include "tuning/host/paths.h"

namespace bedplate::trust {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const SealedFor kWhom{"oslo-prod", "registries.yaml"};
constexpr const char* kContent = "configs: {made: here, password: hunter2}\n";

std::string peer(const std::string& name) {
  std::ifstream file(std::string(PEER_DIR) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// A node that holds the key of tests/unit/trust/peer.
class SealedTest : public ::testing::Test {
 protected:
  SealedTest() { put("peer.pem", peer("key.pem")); }
  void put(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string path = std::string(host::paths::sealing) + "/" + name;
    tree.write(path, text);
    ::chmod((tree.path() + "/" + path).c_str(), mode);
  }
  std::string sealed(const std::string& content = kContent) {
    return seal(readCertificate(peer("cert.pem")).value(), kWhom, content, clock.wallUs()).value();
  }
  std::string opened(const std::string& text, const SealedFor& whom = kWhom) {
    const auto secret = opener(text, whom);
    return secret ? std::string(secret->view()) : "(" + secret.error().reason + ")";
  }

  testlib::TempTree tree;
  testlib::FakeClock clock;
  Opener opener = keysOf(tree.files());
};

TEST_F(SealedTest, WhatAnotherImplementationSealedIsOpened) {
  EXPECT_EQ(opened(peer("strict.sealed")), "configs: {made: elsewhere}");
  const auto key = readKey(tree.files(), std::string(host::paths::sealing) + "/peer.pem").value();
  const auto content = openWith(key.get(), parseEnvelope(peer("namespace.sealed")).value(), "oslo-prod");
  ASSERT_TRUE(content && *content);
  EXPECT_EQ((*content)->view(), "made elsewhere: ø");
}

TEST_F(SealedTest, OursIsOpenedWhateverItsSize) {
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{15}, std::size_t{16}, std::size_t{17}, std::size_t{600'000}}) {
    const std::string content(size, '\x7f');
    EXPECT_EQ(opened(sealed(content)), content);
  }
  EXPECT_EQ(opened(sealed(std::string("\0\xff\n", 3)) + "\r\n \t\n"), std::string("\0\xff\n", 3));
}

TEST_F(SealedTest, NoTwoAreAlike) { EXPECT_NE(sealed(), sealed()); }

TEST_F(SealedTest, IsForOneClusterAndOneFileName) {
  const std::string text = sealed();
  EXPECT_EQ(opened(text), kContent);
  EXPECT_EQ(opened(text, {"oslo-prod", "config.yaml"}), "(SealedElsewhere)");
  EXPECT_EQ(opened(text, {"oslo-staging", "registries.yaml"}), "(SealedElsewhere)");
  EXPECT_EQ(opened(text, {"oslo", "prod/registries.yaml"}), "(Invalid)");
  // The label is the two with a slash between: none may hold one.
  EXPECT_EQ(wrongWith({"a/b", "c"}), "'a/b' is no name of a cluster");
  EXPECT_EQ(wrongWith({"", "c"}), "'' is no name of a cluster");
  EXPECT_EQ(wrongWith({"a", ""}), "'' is no name of a file");
}

TEST_F(SealedTest, NameIsThatOfTheFileWithoutFolders) {
  EXPECT_EQ(sealedFor("c", "roles/server/k3s/config.yaml.d/50-a.yaml.sealed").name, "50-a.yaml");
  EXPECT_EQ(sealedFor("c", "registries.yaml").name, "registries.yaml");
}

TEST_F(SealedTest, TheWiderScopesAreRefusedWithTheirName) {
  const auto wide = opener(peer("namespace.sealed"), kWhom);
  ASSERT_FALSE(wide);
  EXPECT_EQ(wide.error().reason, "SealedTooWidely");
  EXPECT_THAT(wide.error().text(), HasSubstr("namespace-wide"));
  EXPECT_THAT(wide.error().text(), Not(HasSubstr("made elsewhere")));
  const auto key = readKey(tree.files(), std::string(host::paths::sealing) + "/peer.pem").value();
  const auto everywhere = opener(encodeBase64(sealFor(key.get(), kContent, "").value()), kWhom);
  ASSERT_FALSE(everywhere);
  EXPECT_EQ(everywhere.error().reason, "SealedTooWidely");
  EXPECT_THAT(everywhere.error().text(), HasSubstr("cluster-wide"));
}

// Every one of the bytes that come out of the base64, and every character of it.
TEST_F(SealedTest, EveryFlippedBitIsRefused) {
  const std::string bytes = parseEnvelope(sealed()).value().bytes;
  const auto key = readKey(tree.files(), std::string(host::paths::sealing) + "/peer.pem").value();
  for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string other = bytes;
    other[i / 8] = static_cast<char>(other[i / 8] ^ (1 << (i % 8)));
    const auto envelope = parseEnvelope(encodeBase64(other));
    if (!envelope) continue;
    const auto content = openWith(key.get(), *envelope, "oslo-prod/registries.yaml");
    ASSERT_FALSE(content && *content) << "bit " << i;
    if (!content) {
      ASSERT_EQ(content.error().reason, "SealedDamaged");
    }
  }
}

TEST_F(SealedTest, EveryFlippedBitOfTheTextIsRefused) {
  const std::string text = sealed();
  const std::string bytes = parseEnvelope(text).value().bytes;
  for (std::size_t i = 0; i < text.size() * 8; ++i) {
    std::string other = text;
    other[i / 8] = static_cast<char>(other[i / 8] ^ (1 << (i % 8)));
    const auto envelope = parseEnvelope(other);
    // Another text stands for other bytes, of which the test above holds.
    ASSERT_TRUE(!envelope || envelope->bytes != bytes) << "bit " << i;
  }
}

TEST_F(SealedTest, NoShorterOneIsTaken) {
  const std::string bytes = parseEnvelope(sealed()).value().bytes;
  const auto key = readKey(tree.files(), std::string(host::paths::sealing) + "/peer.pem").value();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto envelope = parseEnvelope(encodeBase64(bytes.substr(0, size)));
    if (!envelope) continue;
    const auto content = openWith(key.get(), *envelope, "oslo-prod/registries.yaml");
    ASSERT_FALSE(content && *content) << size;
  }
}

TEST_F(SealedTest, SaysWhatIsWrongWithTheForm) {
  const auto why = [](const std::string& text) {
    const auto form = looksSealed(text);
    return form ? std::string() : form.error().why;
  };
  EXPECT_EQ(why(sealed()), "");
  EXPECT_EQ(why(""), "is empty");
  EXPECT_EQ(why("\n"), "is empty");
  EXPECT_EQ(why("password: hunter2\n"), "is not one line of base64");
  EXPECT_EQ(why(sealed().insert(64, "\n")), "is not one line of base64");
  EXPECT_EQ(why(" " + sealed()), "is not one line of base64");
  EXPECT_EQ(why("AAA="), "names an RSA block of 0 bytes, which is none");
  EXPECT_EQ(why("AA=="), "is too short");
  EXPECT_EQ(why("AQAA"), "is shorter than it says");
  EXPECT_EQ(why("//8A"), "names an RSA block of 65535 bytes, which is none");
}

TEST_F(SealedTest, OneOfSeveralKeysOpens) {
  put("aaa.pem", peer("key.pem"));
  ASSERT_TRUE(addSealingKey(tree.files(), clock, "web-01"));
  const std::string old = sealed();
  EXPECT_EQ(opened(old), kContent);
  tree.remove(std::string(host::paths::sealing) + "/aaa.pem");
  tree.remove(std::string(host::paths::sealing) + "/peer.pem");
  EXPECT_EQ(opened(old), "(SealedElsewhere)");
  tree.remove(host::paths::sealing);
  EXPECT_EQ(opened(old), "(NoSealingKey)");
}

TEST_F(SealedTest, AKeyThatOthersMayReadIsNotUsed) {
  const std::string text = sealed();
  for (const mode_t mode : {0640U, 0604U, 0620U}) {
    put("peer.pem", peer("key.pem"), mode);
    const auto secret = opener(text, kWhom);
    ASSERT_FALSE(secret);
    EXPECT_EQ(secret.error().reason, "Denied");
    EXPECT_THAT(secret.error().text(), HasSubstr("chmod 600"));
  }
  put("peer.pem", peer("key.pem"));
  EXPECT_EQ(opened(text), kContent);
}

TEST_F(SealedTest, WhatIsNoKeyIsNamed) {
  for (const std::string& text : {std::string("rubbish"), peer("cert.pem")}) {
    put("odd.pem", text);
    const auto secret = opener(sealed(), kWhom);
    ASSERT_FALSE(secret);
    EXPECT_EQ(secret.error().reason, "Invalid");
    EXPECT_THAT(secret.error().text(), HasSubstr("odd.pem"));
  }
}

TEST_F(SealedTest, NoCoreDumpOnceAKeyWasRead) {
  EXPECT_EQ(opened(sealed()), kContent);
  EXPECT_EQ(::prctl(PR_GET_DUMPABLE), 0);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_CORE, &limit), 0);
  EXPECT_EQ(limit.rlim_max, 0u);
}

TEST_F(SealedTest, MakesAKeyOnceAndPublishesItsCertificate) {
  testlib::TempTree fresh;
  EXPECT_EQ(sealingCertificate(fresh.files()).error().reason, "NotFound");
  bool made = false;
  ASSERT_TRUE(ensureSealingKey(fresh.files(), clock, "web-01", &made));
  EXPECT_TRUE(made);
  const auto certificate = sealingCertificate(fresh.files()).value();
  EXPECT_EQ(certificate.bits, 4096);
  EXPECT_EQ(certificate.subject, "CN=web-01,O=bedplate");
  EXPECT_EQ(certificate.notAfterUs, clock.wall + std::int64_t{3650} * 24 * 3600 * 1'000'000);
  EXPECT_EQ(fresh.files().info(host::paths::sealing)->mode, 0700u);
  EXPECT_EQ(fresh.files().info(host::paths::sealingCertificate)->mode, 0644u);
  EXPECT_THAT(fresh.read(host::paths::sealingCertificate), Not(HasSubstr("PRIVATE")));
  const auto names = fresh.files().list(host::paths::sealing, 100).value();
  ASSERT_EQ(names, std::vector<std::string>{"20260921T141320.pem"});
  EXPECT_EQ(fresh.files().info(std::string(host::paths::sealing) + "/" + names[0])->mode, 0600u);

  ASSERT_TRUE(ensureSealingKey(fresh.files(), clock, "web-01", &made));
  EXPECT_FALSE(made);
  const auto text = seal(certificate, kWhom, kContent, clock.wallUs()).value();
  const auto again = keysOf(fresh.files())(text, kWhom);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->view(), kContent);

  // A key of the fleet, which comes without a certificate and is the last by name.
  fresh.write(std::string(host::paths::sealing) + "/fleet.pem", peer("key.pem"));
  ::chmod((fresh.path() + "/" + host::paths::sealing + "/fleet.pem").c_str(), 0600);
  ASSERT_TRUE(ensureSealingKey(fresh.files(), clock, "web-01", &made));
  EXPECT_FALSE(made);
  const auto fleet = sealingCertificate(fresh.files()).value();
  EXPECT_EQ(fleet.bits, 2048);
  EXPECT_EQ(keysOf(fresh.files())(seal(fleet, kWhom, "x", clock.wallUs()).value(), kWhom)->view(), "x");
}

TEST_F(SealedTest, ACertificateMustBeValidAndOfAnRsaKey) {
  auto certificate = readCertificate(peer("cert.pem")).value();
  EXPECT_EQ(seal(certificate, kWhom, "x", certificate.notAfterUs + 1).error().reason, "Expired");
  EXPECT_EQ(readCertificate("").error().reason, "Invalid");
  EXPECT_EQ(readCertificate(peer("key.pem")).error().reason, "Invalid");
}

TEST_F(SealedTest, SecretsAreMovedAndWiped) {
  std::string text = "a long text that is not kept within the string itself";
  const std::string copy = text;
  Secret secret = Secret::takenFrom(text);
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(secret.view(), copy);
  const char* at = secret.data();
  Secret other = std::move(secret);
  EXPECT_EQ(other.data(), at);
  EXPECT_EQ(secret.size(), 0u);  // NOLINT(bugprone-use-after-move): that it is empty is the contract
  other.shrink(6);
  EXPECT_EQ(other.view(), "a long");
  EXPECT_EQ(std::string(at + 6, copy.size() - 6), std::string(copy.size() - 6, '\0'));
}

}  // namespace
}  // namespace bedplate::trust
