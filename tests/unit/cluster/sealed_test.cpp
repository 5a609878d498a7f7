// Sealed files in a cluster directory: where they may stand, what they stand for, and what is not said of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/cluster/k3s_config.h"
#include "tests/lib/fake_sealed.h"
#include "tests/unit/cluster/snapshots.h"

namespace bedplate::cluster {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testlib::fakeSealed;

using Files = std::vector<std::pair<std::string, std::string>>;

class ClusterSealed : public testing::Test {
 protected:
  Compiled compile(Files files, const Policy& policy = {}, bool withKeys = true, const std::string& role = "server") {
    return cluster::compile(snapshotOf(std::move(files)), {}, {"web-01", role, "oslo-prod"}, policy, nullptr,
                            withKeys ? &fake.opener : nullptr);
  }
  std::vector<std::string> findings(Files files, const Policy& policy = {}) {
    return texts(compile(std::move(files), policy).findings);
  }
  testlib::FakeOpener fake;
};

constexpr const char* kRegistries = "configs:\n  r.example.org:\n    auth: {username: u, password: hunter2}\n";

TEST_F(ClusterSealed, StandsForTheNameWithoutIt) {
  const auto result = compile({{"k3s/registries.yaml.sealed", fakeSealed(kRegistries)}});
  EXPECT_THAT(texts(result.findings), IsEmpty());
  ASSERT_TRUE(result.desired);
  ASSERT_EQ(result.desired->k3s.size(), 1u);
  const auto& file = result.desired->k3s[0];
  EXPECT_EQ(file.path, "k3s/registries.yaml");
  EXPECT_EQ(file.file, "k3s/registries.yaml.sealed");
  EXPECT_TRUE(file.sealed);
  EXPECT_EQ(*file.content, fakeSealed(kRegistries));  // as in Git
  EXPECT_EQ(textOf(file), kRegistries);
  ASSERT_EQ(fake.asked.size(), 1u);
  EXPECT_EQ(fake.asked[0].cluster, "oslo-prod");
  EXPECT_EQ(fake.asked[0].name, "registries.yaml");
}

TEST_F(ClusterSealed, ACredentialMayBeSealedWhereRawOnesAreDenied) {
  Policy deny;
  deny.denyRawSecrets = true;
  EXPECT_THAT(findings({{"k3s/registries.yaml", kRegistries}}, deny),
              Contains(HasSubstr("refused by policy.rawSecrets")));
  EXPECT_THAT(findings({{"k3s/registries.yaml.sealed", fakeSealed(kRegistries)},
                        {"k3s/config.yaml.d/50-token.yaml.sealed", fakeSealed("token: hunter2\n")}},
                       deny),
              IsEmpty());
}

TEST_F(ClusterSealed, LayersReplaceAndMaskAsEver) {
  const auto result = compile({{"k3s/registries.yaml", "mirrors: {}\n"},
                               {"nodes/web-01/k3s/registries.yaml.sealed", fakeSealed(kRegistries)},
                               {"k3s/config.yaml.sealed", fakeSealed("debug: true\n")},
                               {"roles/server/k3s/config.yaml", "debug: false\n"},
                               {"k3s/config.yaml.d/10-a.yaml", "debug: true\n"},
                               {"nodes/web-01/k3s/config.yaml.d/10-a.yaml.sealed", "\n"}});
  EXPECT_THAT(texts(result.findings), IsEmpty());
  ASSERT_TRUE(result.desired);
  std::vector<std::string> files;
  for (const auto& file : result.desired->k3s) files.push_back(file.file);
  EXPECT_THAT(files, ElementsAre("roles/server/k3s/config.yaml", "nodes/web-01/k3s/registries.yaml.sealed"));
}

// Sealed for the key of another node, which is the one that reads it.
TEST_F(ClusterSealed, WhatALayerReplacesNeedNotOpen) {
  fake.hasKey = false;
  EXPECT_THAT(findings({{"k3s/registries.yaml.sealed", fakeSealed(kRegistries)},
                        {"nodes/web-01/k3s/registries.yaml", "mirrors: {}\n"}}),
              IsEmpty());
  EXPECT_THAT(findings({{"k3s/registries.yaml.sealed", fakeSealed(kRegistries)}}),
              ElementsAre("k3s/registries.yaml.sealed: error: no key of this node opens it: seal it again"));
}

TEST_F(ClusterSealed, WithoutAnOpenerTheFormIsLookedAtAndANoteSaysSo) {
  const auto good = compile({{"k3s/registries.yaml.sealed", fakeSealed("rubbish")}}, {}, false);
  EXPECT_TRUE(good.desired);
  EXPECT_THAT(texts(good.findings),
              ElementsAre("k3s/registries.yaml.sealed: note: sealed: its form is good; what is in "
                          "it cannot be checked here, where its key is not"));
  const auto bad = compile({{"k3s/registries.yaml.sealed", kRegistries}}, {}, false);
  EXPECT_FALSE(bad.desired);
  EXPECT_THAT(texts(bad.findings), ElementsAre("k3s/registries.yaml.sealed: error: is not one line of base64: seal it "
                                               "again: bedplate seal, or kubeseal --raw"));
}

TEST_F(ClusterSealed, OnlyK3sFilesAreSealed) {
  const std::string text = fakeSealed("a: b\n");
  EXPECT_THAT(findings({{"node.yaml.sealed", text}}), ElementsAre(HasSubstr("error: only K3s's files are sealed")));
  EXPECT_THAT(findings({{"sysctl.d/a.conf.sealed", text}}), ElementsAre(HasSubstr("only K3s's files are sealed")));
  EXPECT_THAT(findings({{"modules-load.d/a.conf.sealed", text}}),
              ElementsAre(HasSubstr("only K3s's files are sealed")));
  EXPECT_THAT(findings({{"manifests/a.yaml.sealed", text}}), ElementsAre(HasSubstr("a manifest is not sealed")));
  EXPECT_THAT(findings({{"k3s/other.yaml.sealed", text}}), ElementsAre(HasSubstr("unknown name")));
  EXPECT_THAT(findings({{"k3s/.sealed", text}}), ElementsAre(HasSubstr("hidden files are not read")));
  EXPECT_THAT(findings({{"k3s/registries.yaml", "mirrors: {}\n"}, {"k3s/registries.yaml.sealed", text}}),
              ElementsAre("k3s/registries.yaml.sealed: error: stands beside the same file in plain text: remove one"));
}

TEST_F(ClusterSealed, AnEmptyContentIsNoMask) {
  EXPECT_THAT(findings({{"k3s/config.yaml.sealed", fakeSealed("# nothing\n")}}),
              ElementsAre(HasSubstr("error: nothing is in it")));
}

// Whatever is wrong with the content, not a word of it is said; and it is wrong as it would be in plain text.
TEST_F(ClusterSealed, NoFindingShowsAValue) {
  Policy policy;
  policy.endpoints = {{"*.example.org"}};
  for (const std::string& content : {
           std::string("token: \"hunter2\n"),
           std::string("token: *hunter2\n"),
           std::string("token: &hunter2 x\n"),
           std::string("token: !hunter2 x\n"),
           std::string("hunter2\n"),
           std::string("- hunter2\n"),
           std::string("token: a\ntoken: hunter2\n"),
           std::string("a: b\n---\nc: hunter2\n"),
           std::string("token: \"\\hunter2\"\n"),
           std::string("a: b\n\thunter2: c\n"),
           std::string("token: hunter2\nx\n"),
           std::string("token: \x01hunter2\n"),
           std::string("token: [hunter2\n"),
           std::string("'hunter2': &a b\n'x"),
           std::string("server: https://hunter2:6443\n"),
           std::string("server: https://u:hunter2@other.net:6443\n"),
           std::string("datastore-endpoint: mysql://u:hunter2@tcp(hunter2.net:3306)/k3s\n"),
           std::string("kube-proxy-arg: [conntrack-min=hunter2]\n"),
           std::string("node-name: hunter2\n"),
           std::string("kubelet-arg: protect-kernel-defaults=hunter2\n"),
           std::string("data-dir: /hunter2\n"),
       }) {
    const auto said = findings({{"k3s/config.yaml.sealed", fakeSealed(content)}}, policy);
    EXPECT_THAT(said, AllOf(Contains(HasSubstr("k3s/config.yaml.sealed")), Contains(HasSubstr(": error: "))))
        << content;
    EXPECT_THAT(said, Each(Not(HasSubstr("hunter2")))) << content;
  }
}

TEST_F(ClusterSealed, PlacesThatItNamesAreJudgedAndNotShown) {
  Policy policy;
  policy.endpoints = {{"*.example.org"}};
  const std::string registries = "mirrors: {hunter2.net: {endpoint: [\"https://m.example.org\"]}}\n";
  const std::string config =
      "pause-image: hunter2.net/pause\nvpn-auth: name=tailscale,controlServerURL=https://hunter2.net\n";
  const auto said = findings(
      {{"k3s/registries.yaml.sealed", fakeSealed(registries)}, {"k3s/config.yaml.sealed", fakeSealed(config)}}, policy);
  EXPECT_THAT(said, Contains(AllOf(HasSubstr("k3s/registries.yaml.sealed"), HasSubstr("refused by policy.endpoints"))));
  EXPECT_THAT(said, Contains(AllOf(HasSubstr("k3s/config.yaml.sealed"), HasSubstr("refused by policy.endpoints"))));
  EXPECT_THAT(said, Each(Not(HasSubstr("hunter2"))));
  // Where the key is not, nothing is said of what cannot be seen.
  EXPECT_THAT(texts(compile({{"k3s/registries.yaml.sealed", fakeSealed(registries)}}, policy, false).findings),
              ElementsAre(HasSubstr("note: sealed: its form is good")));
}

TEST_F(ClusterSealed, IsJudgedLikeAPlainOne) {
  Policy policy;
  policy.endpoints = {{"*.example.org"}};
  EXPECT_THAT(findings({{"k3s/registries.yaml.sealed",
                         fakeSealed("mirrors: {a: {endpoint: [\"https://mirror.elsewhere.net\"]}}\n")}},
                       policy),
              Contains(HasSubstr("refused by policy.endpoints: mirrors names a host (sealed, and not shown)")));
  const auto agent =
      compile({{"k3s/config.yaml.sealed", fakeSealed("etcd-s3-secret-key: hunter2\n")}}, {}, true, "agent");
  EXPECT_THAT(texts(agent.findings), ElementsAre(HasSubstr("k3s/config.yaml.sealed:1:1: error: 'etcd-s3-secret-key' is "
                                                           "for servers")));
  EXPECT_THAT(findings({{"k3s/config.yaml.sealed", fakeSealed("tokem: hunter2\n")}}),
              ElementsAre(HasSubstr("'tokem' is no key that K3s 1.34 knows, did you mean 'token'?")));
}

// What Bedplate works with itself, it shows.
TEST_F(ClusterSealed, WhatIsShownMayNotBeSealed) {
  for (const char* key : {"node-name", "data-dir", "log", "kube-proxy-arg", "kube-proxy-arg+", "kubelet-arg",
                          "protect-kernel-defaults"}) {
    EXPECT_THAT(findings({{"k3s/config.yaml.sealed", fakeSealed(std::string(key) + ": x\n")}}),
                ElementsAre(HasSubstr("is no secret, and Bedplate shows what follows from it")))
        << key;
  }
}

TEST_F(ClusterSealed, MergedValuesRememberThatTheyAreSecret) {
  auto config = effectiveConfig({{"a", "node-label: [x]\ndebug: true\n", false}, {"b", "node-label+: [y]\n", true}});
  ASSERT_EQ(config["node-label"].size(), 2u);
  EXPECT_FALSE(config["node-label"][0].secret);
  EXPECT_TRUE(config["node-label"][1].secret);
  wipe(config);
  EXPECT_EQ(config["node-label"][1].text, "");
}

}  // namespace
}  // namespace bedplate::cluster
