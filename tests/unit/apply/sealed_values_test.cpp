// What is said of K3s's configuration where a part of it is sealed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/apply/fingerprint.h"
#include "agent/apply/k3s_change.h"
#include "agent/apply/k3s_trial.h"
#include "tests/unit/apply/keeper_fixture.h"

namespace bedplate::apply::testing_node {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kDropIn = "etc/rancher/k3s/config.yaml.d/50-token.yaml";

struct SealedValues : testing::Test {
  testlib::TempTree tree;
  testlib::FakeOpener fake;
  plan::Target target;
  plan::Held held;
  std::vector<std::string> change(const std::set<std::string>& paths = {}) {
    const K3sSealed sealed{paths, [this](const plan::FileTarget& file) {
                             return fake.opener(*file.content, trust::sealedFor("oslo", file.file));
                           }};
    return text(k3sChange(tree.files(), target, held, sealed));
  }
};

TEST_F(SealedValues, AreNotInADiff) {
  tree.write("etc/rancher/k3s/config.yaml", "debug: true\nnode-label: [a=1]\n");
  target =
      TargetBuilder("t").sealed("node-label+: [hunter2]\nvpn-auth: hunter2\nflannel-iface: hunter2\n", kDropIn).target;
  EXPECT_THAT(change(), ElementsAre("flannel-iface: unset -> (sealed)", "node-label: a=1 -> (sealed)",
                                    "vpn-auth: unset -> (a secret)"));
}

TEST_F(SealedValues, OfAFileThatWasSealedAreNotEither) {
  tree.write(kDropIn, "flannel-iface: hunter2\n");
  held.files[kDropIn].area = plan::Area::k3sConfig;
  EXPECT_THAT(change({kDropIn}), ElementsAre("flannel-iface: (sealed) -> unset"));
  target = TargetBuilder("t").file(plan::Area::k3sConfig, kDropIn, "flannel-iface: eth0\n").target;
  EXPECT_THAT(change({kDropIn}), ElementsAre("flannel-iface: (sealed) -> (sealed)"));
}

TEST_F(SealedValues, ThatStayAreNoChange) {
  tree.write(kDropIn, "flannel-iface: hunter2\n");
  target = TargetBuilder("t").sealed("flannel-iface: hunter2\n", kDropIn).target;
  EXPECT_THAT(change(), IsEmpty());
  fake.hasKey = false;  // as it lies there
  tree.write(kDropIn, "flannel-iface: other\n");
  EXPECT_THAT(change(), IsEmpty());
}

TEST_F(SealedValues, OfWhatK3sWasStartedWithAreNotShown) {
  tree.write("etc/rancher/k3s/config.yaml", "debug: true\n");
  tree.write(kDropIn, "flannel-iface: hunter2\n");
  const std::vector<std::string> args = {"server", "--flannel-iface", "swordfish"};
  EXPECT_THAT(startedDifferently(tree.files(), "server", args, {kDropIn}),
              ElementsAre("debug: changed", "flannel-iface: changed"));
  // Registries are no arguments.
  EXPECT_THAT(startedDifferently(tree.files(), "server", args, {kRegistries}),
              ElementsAre("debug: unset -> true", "flannel-iface: swordfish -> hunter2"));
}

TEST_F(SealedValues, InALineOfTheLogHideTheLine) {
  tree.write(kRegistries, "configs: {r.example.org: {auth: {password: hunter2}}}\n");
  const std::string bad = "level=fatal msg=\"invalid password hunter2\"";
  const std::string good = "level=fatal msg=\"flag provided but not defined\"";
  EXPECT_EQ(withoutSealed(tree.files(), {kRegistries}, good), good);
  EXPECT_EQ(withoutSealed(tree.files(), {kRegistries}, bad),
            "(not shown, as it quotes a sealed file: journalctl -u k3s)");
  EXPECT_EQ(withoutSealed(tree.files(), {}, bad), bad);
}

TEST_F(SealedValues, MakeTheDigestOfWhatK3sReadsAndAreNotInIt) {
  ASSERT_TRUE(ensureFingerprintKey(tree.files()));
  tree.write(kRegistries, "a: b\n");
  const std::string one = effectiveK3s(tree.files());
  EXPECT_EQ(effectiveK3s(tree.files()), one);
  tree.write(kRegistries, "a: c\n");
  EXPECT_NE(effectiveK3s(tree.files()), one);
  tree.write(kRegistries, "a: b\n");
  tree.remove(host::paths::fingerprintKey);
  ASSERT_TRUE(ensureFingerprintKey(tree.files()));
  const std::string other = effectiveK3s(tree.files());
  EXPECT_NE(other, one);  // whoever has not the key cannot try passwords
  EXPECT_FALSE(ofOneKey(one, other));
  EXPECT_TRUE(ofOneKey(one, one));
  EXPECT_FALSE(ofOneKey(plan::sha256("as an older version had it"), one));
  EXPECT_FALSE(ofOneKey("", ""));
}

}  // namespace
}  // namespace bedplate::apply::testing_node
