// Every credential here is made up at run time: none stands in this file as a scanner would know it.
#include "agent/cluster/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <sstream>

#include "tests/unit/cluster/snapshots.h"

namespace bedplate::cluster {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// `count` characters of the set that look random and are not.
std::string made(std::size_t count, std::string_view set) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += set[(i * 7 + i / set.size() + 3) % set.size()];
  return text;
}
std::string alnum(std::size_t count) {
  return made(count, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
}
std::string upper(std::size_t count) { return made(count, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"); }
std::string hex(std::size_t count) { return made(count, "0123456789abcdef"); }

std::string base64url(std::string_view text) {
  constexpr std::string_view kSet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  unsigned bits = 0, count = 0;
  for (const char c : text) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) out += kSet[bits >> (count - 6) & 63];
  }
  if (count > 0) out += kSet[bits << (6 - count) & 63];
  return out;
}
std::string jwt(const std::string& header = R"({"alg":"HS256","typ":"JWT"})") {
  return base64url(header) + "." + base64url(R"({"sub":"nobody","name":"made up"})") + "." + alnum(43);
}
std::string pem(const std::string& kind, const std::string& newline = "\n") {
  const std::string dashes(5, '-'), name = kind + "PRIVATE " + "KEY";
  return dashes + "BEGIN " + name + dashes + newline + alnum(64) + newline + alnum(40) + "==" + newline + dashes +
         "END " + name + dashes + newline;
}

std::vector<std::string> found(const std::string& text) {
  std::vector<std::string> all;
  for (const auto& one : findCredentials(text))
    all.push_back(std::to_string(one.at.line) + ":" + std::to_string(one.at.column) + " " + std::string(one.what));
  return all;
}

struct Sample {
  std::string text;
  std::string what;
};
std::vector<Sample> samples() {
  return {{"AKIA" + upper(16), "an AWS access key"},
          {"ASIA" + upper(16), "an AWS access key"},
          {"aws_secret_access_key = " + alnum(40), "an AWS secret access key"},
          {"\"secretAccessKey\": \"" + alnum(40) + "\"", "an AWS secret access key"},
          {"- name: AWS_SECRET_ACCESS_KEY\n  value: " + alnum(40), "an AWS secret access key"},
          {"ghp"
           "_" +
               alnum(36),
           "a GitHub token"},
          {"gho"
           "_" +
               alnum(36),
           "a GitHub token"},
          {"ghs"
           "_" +
               alnum(36),
           "a GitHub token"},
          {"github"
           "_pat_" +
               alnum(22) + "_" + alnum(59),
           "a GitHub token"},
          {"glpat"
           "-" +
               alnum(20),
           "a GitLab token"},
          {"xoxb"
           "-" +
               made(12, "0123456789") + "-" + alnum(24),
           "a Slack token"},
          {"xoxp"
           "-" +
               made(12, "0123456789") + "-" + alnum(24),
           "a Slack token"},
          {"AIza" + alnum(35), "a Google API key"},
          {"npm"
           "_" +
               alnum(36),
           "an npm token"},
          {"dckr"
           "_pat_" +
               alnum(27),
           "a Docker Hub token"},
          {"K10" + hex(64) + "::server:" + hex(32), "a K3s token"},
          {"AGE-SECRET-"
           "KEY-1" +
               upper(58),
           "an age secret key"},
          {"sk"
           "_live_" +
               alnum(24),
           "a Stripe key"},
          {"SG"
           "." +
               alnum(22) + "." + alnum(43),
           "a SendGrid key"},
          {"dop"
           "_v1_" +
               hex(64),
           "a DigitalOcean token"},
          {"hvs"
           "." +
               alnum(24),
           "a Vault token"},
          {"tskey"
           "-auth-" +
               alnum(17) + "-" + alnum(32),
           "a Tailscale key"},
          {"pypi"
           "-Ag" +
               alnum(100),
           "a PyPI token"},
          {jwt(), "a JSON Web Token"}};
}

TEST(Credentials, AreKnownByTheirLook) {
  for (const auto& sample : samples()) {
    ASSERT_THAT(findCredentials(sample.text), SizeIs(1)) << sample.what;
    EXPECT_EQ(findCredentials(sample.text)[0].what, sample.what);
    EXPECT_FALSE(findCredentials(sample.text)[0].isKey);
  }
}

TEST(Credentials, AreFoundWhereverTheyStand) {
  for (const auto& [text, what] : samples())
    for (const auto& [before, after] : std::vector<std::pair<std::string, std::string>>{
             {"token: ", "\n"}, {"{\"a\": \"", "\"}"}, {"# was ", " until May"}, {"\"line\\n", "\\n\""}, {"(", ")"}})
      EXPECT_THAT(findCredentials("\n\n" + before + text + after), SizeIs(1)) << before << what;
  EXPECT_THAT(found("a: 1\nb: https://x:" + samples()[5].text + "@example.com/r\n"),
              ElementsAre("2:14 a GitHub token"));
}

TEST(Credentials, WhatIsPartOfAnotherWordIsNone) {
  for (const auto& [text, what] : samples()) {
    if (what == "an AWS secret access key") continue;  // known by its name, which may be the end of another
    EXPECT_THAT(findCredentials("abc" + text), IsEmpty()) << what;
  }
  EXPECT_THAT(findCredentials("AKIA" + upper(17)), IsEmpty());
  EXPECT_THAT(findCredentials("AIza" + alnum(36)), IsEmpty());
}

TEST(Credentials, WhatIsTooShortOrStandsInForOneIsNone) {
  EXPECT_THAT(findCredentials("ghp"
                              "_" +
                              alnum(35)),
              IsEmpty());
  EXPECT_THAT(findCredentials("ghp"
                              "_" +
                              std::string(36, 'x')),
              IsEmpty());
  EXPECT_THAT(findCredentials("glpat"
                              "-" +
                              std::string(20, 'X')),
              IsEmpty());
  EXPECT_THAT(findCredentials("AKIA"
                              "IOSFODNN7"
                              "EXAMPLE"),
              IsEmpty());
  EXPECT_THAT(findCredentials("xoxb"
                              "-is-the-name-of-a-bot-token"),
              IsEmpty());
  EXPECT_THAT(findCredentials("K10<hash>::server:<password>"), IsEmpty());
  EXPECT_THAT(findCredentials("secret_access_key: " + hex(40)), IsEmpty());
  EXPECT_THAT(findCredentials("secretAccessKey:\n  name: s3\n  key: secret-access-key\n"), IsEmpty());
}

TEST(Credentials, APrivateKeyOfAnyKind) {
  for (const char* kind : {"", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ", "ANY "})
    for (const char* newline : {"\n", "\\n", "\r\n", "\n    "}) {
      const auto all = findCredentials("key: |\n  " + pem(kind, newline));
      ASSERT_THAT(all, SizeIs(1)) << kind;
      EXPECT_EQ(all[0].what, "a private key");
      EXPECT_TRUE(all[0].isKey);
      EXPECT_EQ(all[0].at.line, 2);
    }
  const std::string dashes(5, '-');
  EXPECT_THAT(found(dashes +
                    "BEGIN PGP PRIVATE "
                    "KEY BLOCK" +
                    dashes + "\nVersion: 1\n\n" + alnum(64) + "\n"),
              ElementsAre("1:6 a private key"));
  EXPECT_THAT(found(dashes +
                    "BEGIN RSA PRIVATE "
                    "KEY" +
                    dashes + "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n" + alnum(64) + "\n"),
              SizeIs(1));
  EXPECT_THAT(found("---- BEGIN SSH2 ENCRYPTED PRIVATE "
                    "KEY ----\nComment: \"x\"\n" +
                    alnum(70) + "\n"),
              SizeIs(1));
  EXPECT_THAT(found("PuTTY-User"
                    "-Key-File-3: ssh-ed25519\n"),
              SizeIs(1));
}

TEST(Credentials, WhatIsPublicOrOnlyExplainedIsNone) {
  const std::string dashes(5, '-');
  for (const char* kind : {"CERTIFICATE", "PUBLIC KEY", "CERTIFICATE REQUEST", "X509 CRL", "PGP PUBLIC KEY BLOCK"})
    EXPECT_THAT(findCredentials(dashes + "BEGIN " + kind + dashes + "\n" + alnum(64) + "\n" + dashes + "END " + kind +
                                dashes + "\n"),
                IsEmpty())
        << kind;
  EXPECT_THAT(findCredentials("# begins with " + dashes +
                              "BEGIN PRIVATE "
                              "KEY" +
                              dashes + "\n"),
              IsEmpty());
  EXPECT_THAT(findCredentials(dashes +
                              "BEGIN PRIVATE "
                              "KEY" +
                              dashes + "\n<your key>\n" + dashes +
                              "END PRIVATE "
                              "KEY" +
                              dashes + "\n" + alnum(64)),
              IsEmpty());
  EXPECT_THAT(findCredentials("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + alnum(43) + " ops@example.com"), IsEmpty());
}

TEST(Credentials, AJwtHasAHeaderThatNamesItsSignature) {
  EXPECT_THAT(found(jwt(R"({"typ":"none of it"})")), IsEmpty());
  EXPECT_THAT(found(base64url(R"({"alg":"HS256"})") + "." + alnum(40) + "." + alnum(43)), IsEmpty());
  EXPECT_THAT(found(base64url(R"({"alg":"HS256"})") + "." + base64url(R"({"sub":1})")), IsEmpty());
  EXPECT_THAT(found("eyJ.eyJ.eyJ"), IsEmpty());
  EXPECT_THAT(found("eyJ"), IsEmpty());
}

TEST(Credentials, OrdinaryFilesHoldNone) {
  for (const auto& text : {
           "image: registry.example.com/x/y@sha256:" + hex(64) + "\n",
           "objectset.rio.cattle.io/hash: " + hex(40) + "\nresourceVersion: \"4711\"\n",
           "kind: SealedSecret\nspec:\n  encryptedData:\n    password: AgBy" + alnum(400) + "+/" + alnum(400) + "==\n",
           "caBundle: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t" + alnum(2000) + "\n",
           std::string("name: sg.example\nhost: npm_config_registry\nserviceAccountToken: true\n"),
       })
    EXPECT_THAT(found(text), IsEmpty());
}

TEST(Credentials, ALineMaySayThatItIsNone) {
  const std::string token = samples()[5].text;
  const auto all = findCredentials("a: " + token + "  # bedplate:not-a-secret\nb: " + token + "\n" +
                                   "# bedplate:not-a-secret " + pem(""));
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_TRUE(all[0].excused);
  EXPECT_FALSE(all[1].excused);
  EXPECT_FALSE(all[2].excused);  // a private key never
}

TEST(Credentials, NotMoreThanAnybodyReads) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "- " + samples()[5].text + "\n";
  const auto all = findCredentials(text);
  ASSERT_THAT(all, SizeIs(20));
  EXPECT_EQ(all[19].at.line, 20);
}

// Ten seconds are a thousand times what it takes; a search that were quadratic would take minutes.
TEST(Credentials, TakeTimeInProportion) {
  for (const std::string& part :
       {std::string("eyJ-"), std::string("eyJ."), std::string("SG."), std::string("xoxb-"), std::string("glpat-"),
        std::string("\\nghp_"), std::string("BEGIN "), std::string(" BEGIN PRIVATE KEY----"),
        std::string("-----BEGIN PRIVATE KEY-----\n"), std::string("secret_access_key="), std::string("secretsecret"),
        std::string("K10"), std::string("\\neyJ."), std::string("\nPuTT"), std::string("A"), std::string("s")}) {
    std::string text;
    while (text.size() < (1 << 20)) text += part;
    const auto begin = std::chrono::steady_clock::now();
    findCredentials(text);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10)) << part;
  }
}

// Of a whole directory.

const std::string kToken =
    "ghp"
    "_" +
    alnum(36);

TEST(CredentialRules, AreRefusedInEveryFile) {
  for (const std::string path :
       {"README.md", "sysctl.d/a.conf", "modules-load.d/a.conf", "node.yaml", "k3s/config.yaml", "k3s/registries.yaml",
        "manifests/a.yaml", "manifests/a.json", "nodes/web-02/sysctl.d/a.conf", "roles/agent/k3s/config.yaml",
        "nodes/web-02/README.md"}) {
    const auto result = compiled({{path, "a\n# " + kToken + "\n"}, {"sysctl.d/z.conf", "vm.swappiness = 1\n"}});
    EXPECT_FALSE(result.desired) << path;
    EXPECT_THAT(texts(result.findings),
                ElementsAre(path + ":2:3: error: refused: this looks like a GitHub token, and whoever reads the "
                                   "repository, or its history, has it; make a new one, and name a file on the node, a "
                                   "SealedSecret or an ExternalSecret; if it is no secret, write bedplate:not-a-secret "
                                   "on its line"));
  }
}

// Findings that quote what they complain of would print it.
TEST(CredentialRules, AreNeverPrinted) {
  const std::string key = pem("");
  for (const std::string path : {"sysctl.d/a.conf", "modules-load.d/a.conf", "node.yaml", "k3s/config.yaml",
                                 "k3s/registries.yaml", "manifests/a.yaml"}) {
    for (const std::string& content :
         {kToken, kToken + ": 1", "vm.x = " + kToken, "token: " + kToken, "a: [" + kToken, "server: https://" + kToken,
          "kind: " + kToken + "\napiVersion: v1\nmetadata: {name: " + kToken + "}", key, "a: |\n  " + key}) {
      std::vector<std::pair<std::string, std::string>> files = {{path, content + "\n"}};
      if (path != "node.yaml")
        files.emplace_back("node.yaml",
                           "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\n"
                           "policy: {endpoints: ['*.example.com'], rawSecrets: deny}\n");
      const auto result = compiled(std::move(files));
      EXPECT_FALSE(result.desired) << path << content;
      for (const auto& finding : texts(result.findings)) {
        EXPECT_THAT(finding, Not(HasSubstr(alnum(10)))) << path;
        EXPECT_THAT(finding, Not(HasSubstr(alnum(64).substr(20, 10)))) << path;
      }
    }
  }
  // Nor by a finding of another file on the same key.
  const auto both = compiled({{"sysctl.d/10-a.conf", "net.ipv4.tcp_congestion_control = " + kToken + "\n"},
                              {"sysctl.d/20-b.conf", "net.ipv4.tcp_congestion_control = x\n"}});
  EXPECT_THAT(texts(both.findings), ElementsAre(HasSubstr("sysctl.d/10-a.conf:1:35: error: refused")));
}

TEST(CredentialRules, AnExcusedLineIsANoteUnlessPolicyDenies) {
  const std::string line = "a: b\n# " + kToken + " bedplate:not-a-secret\n";
  const auto result = compiled({{"README.md", line}, {"sysctl.d/z.conf", "vm.swappiness = 1\n"}});
  EXPECT_TRUE(result.desired);
  EXPECT_THAT(texts(result.findings),
              ElementsAre("README.md:2:3: note: looks like a GitHub token, and its line says that it is none"));
  const auto snapshot = snapshotOf({{"README.md", line}, {"sysctl.d/z.conf", "vm.swappiness = 1\n"}});
  const auto denied =
      compile(snapshot, {}, {"web-01", "server", "c"}, {.denyRawSecrets = true, .endpoints = {}}, nullptr);
  EXPECT_FALSE(denied.desired);
  EXPECT_THAT(texts(denied.findings), ElementsAre(HasSubstr("no line says that it is none")));
}

TEST(CredentialRules, WhatIsCleanIsLookedAtOnce) {
  ValidBlobs valid;
  const Identity node{"web-01", "server", "c"};
  const auto snapshot = snapshotOf({{"README.md", kToken}, {"sysctl.d/a.conf", "vm.swappiness = 1\n"}});
  const auto first = compile(snapshot, {}, node, {}, &valid);
  EXPECT_THAT(valid.withoutCredentials, ElementsAre(snapshot.files[1].id));
  EXPECT_EQ(compile(snapshot, {}, node, {}, &valid).findings, first.findings);
  valid.withoutCredentials.insert(snapshot.files[0].id);  // that the memory is used shows when it is wrong
  EXPECT_THAT(compile(snapshot, {}, node, {}, &valid).findings, IsEmpty());
}

}  // namespace
}  // namespace bedplate::cluster
