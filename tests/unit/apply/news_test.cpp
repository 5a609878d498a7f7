// What is not looked at again, and what makes it looked at: the keeper's memory of files and of the target in force.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/apply/keeper_fixture.h"

namespace bedplate::apply {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using testing_node::full;
using testing_node::KeeperTest;
using testing_node::kManifestA;
using testing_node::TargetBuilder;

class NewsTest : public KeeperTest {
 protected:
  static constexpr const char* kManifestB = "var/lib/rancher/k3s/server/manifests/bedplate/b.yaml";

  void hear(bool files, std::set<std::string> touched = {}) {
    process->keeper.hear({.files = files, .touched = std::move(touched), .keys = true});
  }
  // Looked at, and from here on a watch vouches for all that is held.
  void settle() {
    apply(full());
    hear(false);
    EXPECT_THAT(repair().outcomes, IsEmpty());
    hear(true);
    EXPECT_THAT(repair().outcomes, IsEmpty());
  }
  void editBehindTheWatch() { tree.write(kManifestA, "kind: Edited by hand\n"); }
  std::string manifestA() { return tree.read(kManifestA); }
};

TEST_F(NewsTest, WhatAWatchVouchesForIsNotLookedAt) {
  settle();
  editBehindTheWatch();
  hear(true);
  EXPECT_THAT(repair().outcomes, IsEmpty());
  EXPECT_THAT(apply(full()).outcomes, IsEmpty());
  process->keeper.lookWhole();
  EXPECT_THAT(repair().outcomes, IsEmpty()) << "the whole look as well";
}

TEST_F(NewsTest, ATouchedFileIsLookedAt) {
  settle();
  editBehindTheWatch();
  hear(true, {kManifestA});
  EXPECT_THAT(repair().drifts, SizeIs(1));
  EXPECT_EQ(manifestA(), "kind: A\n");
}

TEST_F(NewsTest, WhatWasTouchedStaysSoUntilItIsLookedAt) {
  settle();
  editBehindTheWatch();
  hear(true, {kManifestA});  // and the command ended before it came to a look
  hear(true);
  EXPECT_THAT(repair().drifts, SizeIs(1));
}

TEST_F(NewsTest, ASyncSeesIt) {
  settle();
  editBehindTheWatch();
  hear(true, {kManifestA});
  EXPECT_THAT(apply(full()).drifts, SizeIs(1));
  EXPECT_EQ(manifestA(), "kind: A\n");
}

TEST_F(NewsTest, AGapInTheWatchEndsItsWord) {
  settle();
  editBehindTheWatch();
  hear(false);
  hear(true);
  EXPECT_THAT(repair().drifts, SizeIs(1));
}

TEST_F(NewsTest, WithoutAWatchEverythingIsLookedAt) {
  settle();
  editBehindTheWatch();
  hear(false);
  EXPECT_THAT(repair().drifts, SizeIs(1));
  editBehindTheWatch();
  EXPECT_THAT(repair().drifts, SizeIs(1));
}

// What this process writes itself is told by the watch as well, but maybe not before the next look.
TEST_F(NewsTest, WhatWeWroteOurselvesIsNoDrift) {
  settle();
  plan::Target other = full();
  for (auto& file : other.files)
    if (file.path == kManifestA) {
      file.content = std::make_shared<const std::string>("kind: Other\n");
      file.sha256 = plan::sha256(*file.content);
    }
  hear(true);
  apply(other);
  process->keeper.lookWhole();
  hear(true);
  EXPECT_THAT(repair().drifts, IsEmpty());
  EXPECT_THAT(apply(other).outcomes, IsEmpty());
  EXPECT_EQ(manifestA(), "kind: Other\n");
}

TEST_F(NewsTest, NoWordCountsForLong) {
  settle();
  editBehindTheWatch();
  clock.advanceMs(4'000);
  hear(true);
  EXPECT_THAT(repair().drifts, SizeIs(1));
}

TEST_F(NewsTest, NoLookAtSomeIsALookAtAll) {
  settle();
  clock.advanceMs(3'000);
  hear(true, {kManifestB});
  EXPECT_THAT(
      apply(TargetBuilder("full").manifest("a.yaml", "kind: A\n").manifest("b.yaml", "kind: B2\n").target).drifts,
      IsEmpty());
  editBehindTheWatch();
  clock.advanceMs(1'000);
  hear(true);
  EXPECT_THAT(repair().drifts, SizeIs(1)) << "a.yaml was last looked at four seconds ago";
}

// What was let go is nobody's, and no watch was on it.
TEST_F(NewsTest, AFileThatWasNotHeldIsLookedAt) {
  settle();
  const plan::Target without = TargetBuilder("full").manifest("b.yaml", "kind: B\n").target;
  apply(without);
  tree.write(kManifestA, "kind: Somebody else's\n");
  hear(true);
  apply(full());
  EXPECT_EQ(manifestA(), "kind: A\n");
  EXPECT_TRUE(process->store.held().value().files.at(kManifestA).existed);
}

TEST_F(NewsTest, KeysAndBootFilesAreLookedAtAllTheSame) {
  settle();
  poke("vm/swappiness", "11");
  hear(true);
  EXPECT_THAT(apply(full()).drifts, SizeIs(1));
  EXPECT_EQ(value("vm/swappiness"), "10");
  repair();
  tree.remove(host::paths::bootSysctl);
  hear(true);
  apply(full());
  EXPECT_NE(bootText(), "");
}

TEST_F(NewsTest, WithoutNewsOfKeysASyncLooksForWhatAGlobMatches) {
  tree.write("proc/sys/net/ipv4/conf/all/rp_filter", "0\n");
  tree.write("proc/sys/net/ipv4/conf/eth0/rp_filter", "0\n");
  const plan::Target target = TargetBuilder("globs").sysctl("net/ipv4/conf/eth*/rp_filter", "2").target;
  apply(target);
  hear(false);
  EXPECT_THAT(repair().outcomes, IsEmpty());
  tree.write("proc/sys/net/ipv4/conf/eth1/rp_filter", "0\n");
  process->keeper.hear({.files = true, .touched = {}, .keys = false});
  EXPECT_THAT(apply(target).outcomes, SizeIs(1));
  EXPECT_EQ(value("net/ipv4/conf/eth1/rp_filter"), "2");
}

TEST_F(NewsTest, TheTargetInForceIsTheOneThatAnotherPutInForce) {
  apply(full());
  repair();
  Keeper other(process->machine, process->store);
  ASSERT_TRUE(other.release());
  poke("vm/swappiness", "11");
  tree.write(kManifestA, "kind: Mine\n");
  hear(true);
  EXPECT_THAT(repair().outcomes, IsEmpty()) << "released: nothing is put back";
  EXPECT_EQ(value("vm/swappiness"), "11");
  EXPECT_EQ(manifestA(), "kind: Mine\n");
}

// What is remembered after an application is what is read from disk after a start.
TEST_F(NewsTest, ARepairFromMemoryDoesWhatOneFromDiskDoes) {
  apply(full());
  editBehindTheWatch();
  const auto fromMemory = repair();
  start();
  recover();
  editBehindTheWatch();
  const auto fromDisk = repair();
  ASSERT_THAT(fromMemory.outcomes, SizeIs(1));
  ASSERT_THAT(fromDisk.outcomes, SizeIs(1));
  EXPECT_EQ(fromMemory.outcomes[0].change.origin, fromDisk.outcomes[0].change.origin);
  EXPECT_EQ(fromMemory.outcomes[0].change.note, fromDisk.outcomes[0].change.note);
  EXPECT_EQ(manifestA(), "kind: A\n");
}

TEST(Target, AContentIsHashedAgainWhenItIsAnotherObject) {
  cluster::Desired desired;
  desired.node = {"web-01", "server", "oslo-prod"};
  const auto text = [](const char* bytes) { return std::make_shared<const std::string>(bytes); };
  const auto make = [&](const plan::Target* before) {
    return makeTarget(desired, source::Snapshot{}, host::fail("NotFound", "", ""), before).value();
  };
  desired.manifests = {{"manifests/a.yaml", "cluster", "manifests/a.yaml", text("kind: A\n")},
                       {"manifests/b.yaml", "cluster", "manifests/b.yaml", text("kind: B\n")}};
  const plan::Target before = make(nullptr);
  desired.manifests[1].content = text("kind: C\n");
  const plan::Target after = make(&before);
  ASSERT_THAT(after.files, SizeIs(2));
  EXPECT_EQ(after.files[0].sha256, plan::sha256("kind: A\n"));
  EXPECT_EQ(after.files[1].sha256, plan::sha256("kind: C\n"));
  std::swap(desired.manifests[0].content, desired.manifests[1].content);
  EXPECT_EQ(make(&after).files[0].sha256, plan::sha256("kind: C\n"));
}

}  // namespace
}  // namespace bedplate::apply
