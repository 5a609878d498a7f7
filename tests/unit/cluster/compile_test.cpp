#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/cluster/manifests.h"
#include "tests/unit/cluster/snapshots.h"

namespace bedplate::cluster {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kManifest = "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n";
const std::string kSays = "vm.swappiness = 10\n";
const std::string kEmpty =
    "cluster directory: error: nothing in this directory says anything: it would take everything back on every node; "
    "check the path, use `bedplate suspend` to pause a node, or `bedplate release` to let it go";

TEST(Finding, Text) {
  EXPECT_EQ(text({Severity::error, "a/b.yaml", 3, 7, "wrong"}), "a/b.yaml:3:7: error: wrong");
  EXPECT_EQ(text({Severity::warning, "a/b.yaml", 3, 0, "odd"}), "a/b.yaml:3: warning: odd");
  EXPECT_EQ(text({Severity::note, "a/b.yaml", 0, 0, "so"}), "a/b.yaml: note: so");
  EXPECT_EQ(text({Severity::error, "", 0, 0, "wrong"}), "cluster directory: error: wrong");
  EXPECT_EQ(text({Severity::error, "a\nb\x1b", 0, 0, "wrong"}), "a\\x0ab\\x1b: error: wrong");
}

TEST(Compile, AnEmptyDirectoryIsRefused) {
  using Files = std::vector<std::pair<std::string, std::string>>;
  for (const Files& files : {Files{}, Files{{"README.md", "# hello"}}, Files{{"sysctl.d/.gitkeep", ""}},
                             Files{{"node.yaml", "# later\n"}}}) {
    const auto result = compiled(files);
    EXPECT_THAT(texts(result.findings), ElementsAre(kEmpty));
    EXPECT_FALSE(result.desired);
  }
  EXPECT_THAT(
      texts(compiled({{"manifests/a.yaml", ""}, {"sysctl.d/a.conf", "; none\n"}}).findings),
      ElementsAre(kEmpty, "manifests/a.yaml: note: empty, and no layer before has manifests/a.yaml: masks nothing",
                  "sysctl.d/a.conf: note: empty, and no layer before has sysctl.d/a.conf: masks nothing"));
}

TEST(Compile, WhatAnotherNodeHasIsEnoughNotToBeEmpty) {
  const auto result = compiled({{"nodes/web-02/sysctl.d/a.conf", kSays}});
  EXPECT_THAT(texts(result.findings), IsEmpty());
  ASSERT_TRUE(result.desired);
  EXPECT_THAT(result.desired->sysctls, IsEmpty());
}

TEST(Compile, RefusalsOfTheSnapshotAreErrors) {
  const auto result = compile(snapshotOf({{"sysctl.d/a.conf", kSays}}),
                              {{"nodes/web-02/link", "a symbolic link"}, {"big", "larger than 1 MiB"}},
                              {"web-01", "server", "c"}, {}, nullptr);
  EXPECT_THAT(texts(result.findings),
              ElementsAre("big: error: larger than 1 MiB", "nodes/web-02/link: error: a symbolic link"));
  EXPECT_FALSE(result.desired);
  EXPECT_THAT(texts(compile({}, {{"a", "a submodule"}}, {"web-01", "server", "c"}, {}, nullptr).findings),
              ElementsAre("a: error: a submodule"));
}

TEST(Compile, EveryFindingIsSaidInOrder) {
  const auto result =
      compiled({{"sysctl.d/a.conf", "vm.swappiness = 1\nvm.swappiness 2\nkernel.modules_disabled = 1\n"},
                {"modules-load.d/a.conf", "br_netfilter\nsome thing\n"},
                {"k3s/config.yaml", "- a\n"},
                {"k3s/registries.yaml", "a: &x 1\nb: *x\n"},
                {"manifests/a.yaml", "kind: A\n"},
                {"node.yaml", "kind: NodeConfig\n"},
                {"typo/a", ""}});
  EXPECT_THAT(
      texts(result.findings),
      ElementsAre(
          "k3s/config.yaml:1:1: error: K3s reads a mapping of keys to values here",
          "k3s/registries.yaml:1:4: error: anchors are not taken: write the value out where it is needed",
          "k3s/registries.yaml:2:4: error: aliases are not taken: write the value out",
          "manifests/a.yaml:1:1: error: apiVersion is missing: every document is one Kubernetes object",
          "manifests/a.yaml:1:1: error: metadata.name is missing: every document is one Kubernetes object",
          "modules-load.d/a.conf:2:5: error: more than a name: one module a line; its options go into "
          "modprobe.d, a comment on its own line",
          "node.yaml:1:1: error: apiVersion is missing: write 'apiVersion: bedplate.dev/v1alpha1'",
          "sysctl.d/a.conf:2:1: error: \"vm.swappiness 2\" is not an assignment: write \"vm.swappiness = 2\"",
          "sysctl.d/a.conf:3: error: refused: kernel.modules_disabled cannot be taken back without a reboot: no module "
          "would load any more",
          "typo: error: unknown folder 'typo'; valid here: node.yaml, sysctl.d, modules-load.d, k3s, manifests, "
          "roles, nodes"));
  EXPECT_FALSE(result.desired);
}

TEST(Compile, AReplacedFileIsJudgedToo) {
  EXPECT_FALSE(compiled({{"sysctl.d/a.conf", "garbage\n"}, {"nodes/web-01/sysctl.d/a.conf", kSays}}).desired);
}

TEST(Compile, RefusedSysctls) {
  for (const char* bad : {"kernel.core_pattern = |/bin/x", "kernel/core_pattern = |/bin/x", "kernel.modprobe = /bin/x",
                          "kernel.core_* = |/bin/x", "vm.drop_caches = 3", "-kernel.modules_disabled = 1"}) {
    const auto result = compiled({{"sysctl.d/a.conf", std::string(bad) + "\n"}});
    ASSERT_THAT(result.findings, SizeIs(1)) << bad;
    EXPECT_EQ(result.findings[0].message.substr(0, 9), "refused: ") << bad;
    EXPECT_EQ(result.findings[0].line, 1);
    EXPECT_FALSE(result.desired);
  }
  EXPECT_TRUE(
      compiled({{"sysctl.d/a.conf", "kernel.core_pattern = core.%p\n-kernel.modprobe\nvm.swappiness = 1\n"}}).desired);
}

TEST(Compile, OneKeyTwiceInOneLayerIsAWarning) {
  const auto result = compiled({{"sysctl.d/10-a.conf", "vm.swappiness = 1\nvm.dirty_ratio = 5\n"},
                                {"sysctl.d/20-b.conf", "# later\nvm/swappiness = 2\nvm.dirty_ratio = 5\n"},
                                {"nodes/web-01/sysctl.d/x.conf", "vm.swappiness = 3\n"}});
  EXPECT_THAT(texts(result.findings),
              ElementsAre("nodes/web-01/sysctl.d/x.conf:1: note: vm.swappiness is '3' here and '2' in "
                          "sysctl.d/20-b.conf:2; the later layer wins",
                          "sysctl.d/20-b.conf:2: warning: vm.swappiness is '2' here and '1' in sysctl.d/10-a.conf:1 of "
                          "the same layer; the value here wins"));
  EXPECT_TRUE(result.desired);
}

TEST(Compile, ManifestsThatDifferOnlyInCaseCollide) {
  const auto result =
      compiled({{"manifests/Argo.yaml", kManifest},
                {"roles/server/manifests/argo.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: z}\n"}});
  EXPECT_THAT(texts(result.findings),
              ElementsAre("roles/server/manifests/argo.yaml: error: differs from manifests/Argo.yaml only in upper and "
                          "lower case: rename one"));
}

TEST(Compile, NodeYamlIsMergedOverTheLayers) {
  const std::string header = "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\n";
  const auto result = compiled({{"node.yaml", header + "benchmark: {steal: {limit: 5%}, disk: {p99Limit: 10ms}}\n"},
                                {"roles/server/node.yaml", header + "tuning: {drift: report}\n"},
                                {"nodes/web-01/node.yaml", header + "benchmark: {disk: {p99Limit: 20ms}}\n"}});
  ASSERT_TRUE(result.desired);
  EXPECT_EQ(result.desired->config.benchmark.diskP99LimitMs, 20);
  EXPECT_DOUBLE_EQ(result.desired->config.benchmark.stealLimit.value(), 0.05);
  EXPECT_FALSE(result.desired->config.tuning.driftEnforce);
  EXPECT_EQ(result.desired->node, (Identity{"web-01", "server", "oslo-prod"}));
}

TEST(Compile, ValidManifestsAreRememberedAndBrokenOnesAreNot) {
  ValidBlobs valid;
  const Identity node{"web-01", "server", "c"};
  const auto snapshot = snapshotOf({{"manifests/a.yaml", kManifest}, {"manifests/b.yaml", "kind: B\n"}});
  const auto first = compile(snapshot, {}, node, {}, &valid);
  EXPECT_THAT(valid.manifests, ElementsAre(testing::Key(snapshot.files[0].id)));
  EXPECT_EQ(compile(snapshot, {}, node, {}, &valid).findings, first.findings);
  // That the memory is used shows when it is wrong.
  valid.manifests.emplace(snapshot.files[1].id, std::make_shared<const std::vector<Object>>());
  EXPECT_THAT(compile(snapshot, {}, node, {}, &valid).findings, IsEmpty());
}

}  // namespace
}  // namespace bedplate::cluster
