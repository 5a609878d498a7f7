// The quick look of the poll: what it sees, and what it leaves to the whole one.
#include "agent/apply/glance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/lib/netns.h"
#include "tests/unit/apply/keeper_fixture.h"

namespace bedplate::apply {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using testing_node::full;
using testing_node::kBridge;
using testing_node::kConfig;
using testing_node::KeeperTest;
using testing_node::kManifestA;
using testing_node::TargetBuilder;

class GlanceTest : public KeeperTest {
 protected:
  // Of the host as it is now.
  std::unique_ptr<Glance> glance(const plan::Target& target, SeenFiles& files) {
    Machine& machine = process->machine;
    const plan::Held held = process->store.held().value();
    const plan::Observed seen = observe(machine, target, held, &files).value();
    return Glance::make(machine, target, seen, held, files, true);
  }
};

TEST_F(GlanceTest, SeesEachThingThatMayDiffer) {
  const plan::Target target = full();
  apply(target);
  SeenFiles files;
  auto same = glance(target, files);
  ASSERT_NE(same, nullptr);
  EXPECT_TRUE(same->same(process->machine, true, files));
  EXPECT_FALSE(same->same(process->machine, false, files)) << "another mode";

  poke("vm/swappiness", "11");
  EXPECT_FALSE(same->same(process->machine, true, files));
  poke("vm/swappiness", "10");
  EXPECT_TRUE(same->same(process->machine, true, files));
  poke("vm/swappiness", "100");
  EXPECT_FALSE(same->same(process->machine, true, files)) << "longer than before";
  poke("vm/swappiness", "10");

  const std::string boot = bootText();
  tree.write(host::paths::bootSysctl, boot + "#\n");
  EXPECT_FALSE(same->same(process->machine, true, files));
  ASSERT_NE(same = glance(target, files), nullptr);
  tree.remove("sys/module/br_netfilter");
  EXPECT_FALSE(same->same(process->machine, true, files));
  tree.write("sys/module/br_netfilter/refcnt", "0\n");
  tree.write(kManifestA, "kind: Other\n");
  EXPECT_FALSE(same->same(process->machine, true, files));
  repair();
  ASSERT_NE(same = glance(target, files), nullptr);
  tree.remove(kConfig);
  EXPECT_FALSE(same->same(process->machine, true, files));
  repair();
  ASSERT_NE(same = glance(target, files), nullptr);
  clock.advanceMs(60'000);
  EXPECT_FALSE(same->same(process->machine, true, files)) << "a minute is long enough";
}

TEST_F(GlanceTest, AKeyThatComesLateIsSeen) {
  const plan::Target target = TargetBuilder("late").sysctl("net/ipv4/conf/cni0/rp_filter", "2").target;
  apply(target);
  SeenFiles files;
  const auto same = glance(target, files);
  ASSERT_NE(same, nullptr);
  EXPECT_TRUE(same->same(process->machine, true, files));
  poke("net/ipv4/conf/cni0/rp_filter", "0");
  EXPECT_FALSE(same->same(process->machine, true, files));
}

TEST_F(GlanceTest, ARepairThatFindsNothingKeepsOneAndStillFindsEverything) {
  apply(full());
  EXPECT_THAT(repair().outcomes, IsEmpty());
  const std::size_t open = testlib::openDescriptors();
  EXPECT_THAT(repair().outcomes, IsEmpty());
  EXPECT_EQ(testlib::openDescriptors(), open);
  poke("vm/swappiness", "11");
  EXPECT_THAT(repair().drifts, SizeIs(1));
  EXPECT_EQ(value("vm/swappiness"), "10");
  EXPECT_THAT(repair().outcomes, IsEmpty());
  tree.write(kManifestA, "x");
  EXPECT_THAT(repair().drifts, SizeIs(1));
  EXPECT_LE(testlib::openDescriptors(), open);
}

TEST_F(GlanceTest, AnotherGenerationIsNotTheOneOfTheGlance) {
  apply(full());
  repair();
  Keeper other(process->machine, process->store);
  plan::Target target = full();
  target.sysctls[0].rule.value = "20";
  ASSERT_TRUE(other.apply(target, "commit"));
  poke("vm/swappiness", "10");
  EXPECT_THAT(repair().drifts, SizeIs(1));
  EXPECT_EQ(value("vm/swappiness"), "20");
}

class CarryTest : public GlanceTest {
 protected:
  void touched(const char* path) { process->keeper.hear({.files = true, .touched = {path}, .keys = true}); }
  // A generation that changes one manifest, after looks that found nothing to do.
  void change(bool fresh = false) {
    apply(full());
    process->keeper.hear({.files = false, .touched = {}, .keys = true});
    repair();
    process->keeper.hear({.files = true, .touched = {}, .keys = true});
    if (fresh)
      clock.wall =
          std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
              .count();
    TargetBuilder builder("other");
    builder.module("br_netfilter")
        .sysctl("vm/swappiness", "10")
        .sysctl("net/ipv4/ip_forward", "1")
        .sysctl(kBridge, "1");
    builder.config("node-name: web-01\n").manifest("a.yaml", "kind: Other\n").manifest("b.yaml", "kind: B\n");
    apply(builder.target);
    ASSERT_EQ(tree.read(kManifestA), "kind: Other\n");
  }
};

TEST_F(CarryTest, WhatWasPutIsWhatIsLookedFor) {
  change();
  EXPECT_THAT(repair().outcomes, IsEmpty());
  tree.write(kManifestA, "kind: A\n");  // as it was before
  touched(kManifestA);
  EXPECT_THAT(repair().drifts, SizeIs(1));
  EXPECT_EQ(tree.read(kManifestA), "kind: Other\n");
}

// Its times do not tell for two seconds, so its content is looked at whatever the watch says.
TEST_F(CarryTest, WhatWasPutAMomentAgoIsRead) {
  change(/*fresh=*/true);
  EXPECT_THAT(repair().outcomes, IsEmpty());
  tree.write(kManifestA, "kind: Wrong\n");
  EXPECT_THAT(repair().drifts, SizeIs(1));
  EXPECT_EQ(tree.read(kManifestA), "kind: Other\n");
}

TEST_F(CarryTest, KeysAndOtherFilesAreLookedAtAsBefore) {
  change();
  EXPECT_THAT(repair().outcomes, IsEmpty());
  poke("vm/swappiness", "11");
  EXPECT_THAT(repair().drifts, SizeIs(1));
  EXPECT_EQ(value("vm/swappiness"), "10");
  change();
  tree.remove(kConfig);
  touched(kConfig);
  EXPECT_THAT(repair().drifts, SizeIs(1));
  change();
  tree.remove(host::paths::bootSysctl);
  repair();
  EXPECT_NE(bootText(), "");
}

TEST_F(CarryTest, OtherRulesAreAnotherHost) {
  apply(full());
  repair();
  plan::Target target = full();
  target.sysctls[0].rule.value = "20";
  apply(target);
  poke(target.sysctls[0].rule.key, "10");
  EXPECT_THAT(repair().drifts, SizeIs(1));
  EXPECT_EQ(value(target.sysctls[0].rule.key), "20");
}

TEST(GlanceOnTheKernel, ADescriptorOfAnInterfaceThatIsGoneIsNoticed) {
  const std::string outcome = testlib::inNamespace([]() -> std::string {
    if (!testlib::ip({"link", "add", "b0", "type", "bridge"})) return "SKIPPED: no bridge to be made (iproute2)";
    const std::string key = "net/ipv4/conf/b0/arp_ignore";
    auto host = host::HostFiles::open("/");
    testlib::TempTree tree;
    testlib::FakeClock clock;
    testing_node::FakeLoader loader(tree);
    Machine machine{*host, *host, clock, loader};
    plan::Target target;
    plan::Observed seen;
    seen.sysctls[key].want.key = key;
    seen.sysctls[key].value = "0";
    SeenFiles files;
    const auto same = Glance::make(machine, target, seen, {}, files, true);
    if (!same) return "no glance";
    if (!same->same(machine, true, files)) return "not the same";
    if (!testlib::ip({"link", "del", "b0"})) return "del";
    if (same->same(machine, true, files)) return "gone and not noticed";
    if (!testlib::ip({"link", "add", "b0", "type", "bridge"})) return "add";
    if (same->same(machine, true, files)) return "a new one and not noticed";
    return "";
  });
  if (outcome.rfind("SKIPPED", 0) == 0) GTEST_SKIP() << outcome;
  EXPECT_EQ(outcome, "");
}

}  // namespace
}  // namespace bedplate::apply
