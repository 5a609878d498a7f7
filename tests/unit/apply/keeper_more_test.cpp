// What is in the way, what is given back, what was damaged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/power_cut_files.h"
#include "tests/unit/apply/keeper_fixture.h"

namespace bedplate::apply {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing_node::full;
using testing_node::kConfig;
using testing_node::KeeperTest;
using testing_node::kHandMade;
using testing_node::kManifestA;
using testing_node::Process;
using testing_node::TargetBuilder;

TEST_F(KeeperTest, WhatIsInTheWayIsReportedAndTheOthersArePutInPlace) {
  tree.write(std::string(kManifestA) + "/inside", "x");
  tree.remove(kConfig);
  ASSERT_EQ(::symlink("/etc/elsewhere", (tree.path() + "/" + kConfig).c_str()), 0);
  tree.write("etc/elsewhere", "theirs");
  const RunResult run = apply(full());
  std::map<std::string, std::string> failed;
  for (const auto& outcome : run.outcomes)
    if (outcome.error) failed[outcome.change.subject] = outcome.error->why;
  EXPECT_THAT(failed, SizeIs(2));
  EXPECT_EQ(failed[kManifestA], "is a directory");
  EXPECT_EQ(failed[kConfig], "is not a regular file");
  EXPECT_EQ(tree.read("var/lib/rancher/k3s/server/manifests/bedplate/b.yaml"), "kind: B\n");
  EXPECT_EQ(tree.read("etc/elsewhere"), "theirs");
  EXPECT_EQ(value("vm/swappiness"), "10");
  const auto before = disk();
  EXPECT_TRUE(repair().failed());
  EXPECT_TRUE(apply(full()).failed());
  EXPECT_EQ(disk(), before) << "what cannot be put in place is not written again and again";
  tree.remove(kManifestA);
  tree.remove(kConfig);
  EXPECT_FALSE(apply(full()).failed());
  EXPECT_EQ(tree.read(kConfig), "node-name: web-01\n");
  EXPECT_EQ(driftCount(), 0);
}

TEST_F(KeeperTest, AGlobReachesNewInterfacesWithoutRewritingTheBootFile) {
  apply(TargetBuilder("x").sysctl("net/ipv4/conf/*/rp_filter", "2").sysctl("net/ipv4/conf/eth0/rp_filter", "1").target);
  EXPECT_EQ(value("net/ipv4/conf/all/rp_filter"), "2");
  EXPECT_EQ(value("net/ipv4/conf/eth0/rp_filter"), "1");
  const auto boot = tree.files().info(host::paths::bootSysctl).value();
  EXPECT_THAT(bootText(), HasSubstr("net.ipv4.conf.*.rp_filter = 2\nnet.ipv4.conf.eth0.rp_filter = 1\n"));
  for (int i = 0; i < 100; ++i) tree.write("proc/sys/net/ipv4/conf/veth" + std::to_string(i) + "/rp_filter", "0\n");
  EXPECT_THAT(repair().outcomes, SizeIs(100));
  EXPECT_EQ(driftCount(), 0);
  EXPECT_THAT(process->store.held().value().sysctls, SizeIs(102));
  for (int i = 0; i < 100; ++i) tree.remove("proc/sys/net/ipv4/conf/veth" + std::to_string(i));
  EXPECT_THAT(repair().outcomes, IsEmpty());
  EXPECT_THAT(process->store.held().value().sysctls, SizeIs(2)) << "what is gone is forgotten";
  EXPECT_EQ(tree.files().info(host::paths::bootSysctl).value(), boot);
}

TEST_F(KeeperTest, WhatAPowerCutLeftBesideAFileIsTakenAway) {
  const std::vector<std::string> left = {"etc/sysctl.d/.99-zz-bedplate.conf.bedplate",
                                         "etc/modules-load.d/.bedplate.conf.bedplate",
                                         "var/lib/bedplate/.accepted.bedplate", "var/lib/bedplate/.held.bedplate"};
  apply(full());
  for (const auto& path : left) tree.write(path, "half");
  reboot("boot-2");
  for (const auto& path : left) EXPECT_FALSE(tree.files().info(path)) << path;
}

TEST_F(KeeperTest, ABootFileThatSomebodyChangedIsPutRight) {
  apply(full());
  const std::string text = bootText();
  tree.write(host::paths::bootSysctl, "vm.swappiness = 1\n");
  repair();
  EXPECT_NE(bootText(), "vm.swappiness = 1\n");
  tree.remove(host::paths::bootSysctl);
  repair();
  EXPECT_EQ(bootText(), text);
}

TEST_F(KeeperTest, ReleaseGivesKernelValuesBackAndLeavesTheFilesOfK3s) {
  apply(full());
  const RunResult run = keep(process->keeper.release());
  EXPECT_FALSE(run.failed());
  EXPECT_EQ(value("vm/swappiness"), "60");
  EXPECT_EQ(value("net/ipv4/ip_forward"), "1");
  EXPECT_THAT(run.note, HasSubstr("net.ipv4.ip_forward = 1"));
  EXPECT_THAT(run.note, HasSubstr(plan::sha256(kHandMade)));
  EXPECT_EQ(tree.read(kConfig), "node-name: web-01\n");
  EXPECT_EQ(tree.read(kManifestA), "kind: A\n");
  EXPECT_EQ(tree.read(std::string(host::paths::originals) + "/" + plan::sha256(kHandMade)), kHandMade);
  EXPECT_FALSE(tree.exists(host::paths::bootSysctl));
  EXPECT_FALSE(tree.exists(host::paths::k3sConfigStage));
  EXPECT_FALSE(tree.exists(host::paths::k3sManifestStage));
  EXPECT_EQ(process->store.latest(GenerationState::applied).value()->cause, "release");
  const auto before = disk();
  EXPECT_EQ(keep(process->keeper.release()).note, "nothing is held");
  EXPECT_THAT(repair().outcomes, IsEmpty());
  EXPECT_EQ(disk(), before);
  EXPECT_TRUE(apply(full()).generation) << "and Git may take it over again";
}

TEST_F(KeeperTest, WhatTookTheMachineDownTwiceIsNotTriedAThirdTime) {
  const plan::Target target = full();
  const auto begin = [&](const std::string& boot) {
    Generation row;
    row.number = process->store.nextNumber().value();
    row.tree = target.tree;
    row.digest = plan::digest(target);
    row.cause = "commit";
    row.bootId = boot;
    ASSERT_TRUE(Generations(tree.files()).write(row.number, target));
    ASSERT_TRUE(process->store.begin(row));
  };
  begin("boot-1");
  RunResult run = reboot("boot-2");
  EXPECT_TRUE(run.undone);
  EXPECT_FALSE(process->store.bad(target.tree).value());
  begin("boot-2");
  run = reboot("boot-3");
  EXPECT_TRUE(run.undone);
  EXPECT_THAT(process->store.bad(target.tree).value().value_or(""), HasSubstr("2 attempts"));
  EXPECT_EQ(value("vm/swappiness"), "60");
  // In one boot: finished at the first restart, taken back when that does not end either.
  ASSERT_TRUE(process->store.resume());
  apply(TargetBuilder("good").sysctl("vm/swappiness", "30").target);
  begin("boot-3");
  start();
  run = recover();
  EXPECT_FALSE(run.undone);
  EXPECT_EQ(value("vm/swappiness"), "10");
  apply(TargetBuilder("good").sysctl("vm/swappiness", "30").target);
  begin("boot-3");
  ASSERT_TRUE(process->store.beganAgain(process->store.history(1).value()[0].number, "boot-3"));
  start();
  EXPECT_TRUE(recover().undone);
  EXPECT_TRUE(process->store.bad(target.tree).value());
  EXPECT_EQ(value("vm/swappiness"), "30");
}

TEST_F(KeeperTest, AStoredGenerationHasItsContents) {
  EXPECT_FALSE(process->keeper.stored(std::nullopt).value());
  apply(full());
  apply(TargetBuilder("empty").target);
  EXPECT_THAT(process->keeper.stored(std::nullopt).value()->files, IsEmpty());
  const auto target = process->keeper.stored(1).value();
  ASSERT_TRUE(target);
  EXPECT_EQ(plan::digest(*target), plan::digest(full()));
  EXPECT_EQ(*target->files.at(0).content, "node-name: web-01\n");
  EXPECT_FALSE(apply(*target).failed());
  EXPECT_EQ(tree.read(kManifestA), "kind: A\n");
  EXPECT_FALSE(process->keeper.stored(77).value());
}

TEST_F(KeeperTest, ADamagedDatabaseLosesNoOriginalAndTheGenerationStaysInForce) {
  apply(full());
  tree.write(host::paths::stateDb, std::string(5000, 'x'));
  start();
  EXPECT_THAT(process->store.repairNote(), HasSubstr("kept as"));
  EXPECT_THAT(recover().outcomes, IsEmpty());
  EXPECT_FALSE(apply(full()).generation);
  apply(plan::Target{});
  EXPECT_EQ(value("vm/swappiness"), "60");
  EXPECT_EQ(tree.read(kConfig), kHandMade);
}

TEST_F(KeeperTest, ADamagedGenerationIsSaidAndMadeWholeFromGit) {
  apply(full());
  tree.write(Generations(tree.files()).targetPath(1), "{");
  start();
  EXPECT_EQ(process->keeper.recover().error().reason, "Corrupt");
  EXPECT_EQ(process->keeper.repair(true).error().reason, "Corrupt");
  poke("vm/swappiness", "99");
  EXPECT_FALSE(apply(full()).generation);
  EXPECT_EQ(value("vm/swappiness"), "10");
  EXPECT_TRUE(process->keeper.repair(true));
}

TEST_F(KeeperTest, OldGenerationsGoTheirContentsToo) {
  for (int i = 0; i < 32; ++i) apply(TargetBuilder("x").manifest("a.yaml", std::to_string(i)).target);
  const auto numbers = Generations(tree.files()).numbers().value();
  EXPECT_LE(numbers.size(), 30u);
  EXPECT_GE(numbers.size(), 20u);
  EXPECT_EQ(numbers.back(), 32);
  EXPECT_EQ(tree.files().list(host::paths::generationBlobs, 100).value().size(), numbers.size());
  EXPECT_EQ(tree.read(kManifestA), "31");
}

TEST_F(KeeperTest, APlanTouchesNothing) {
  const auto before = disk();
  const auto plan = process->keeper.plan(full());
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->changes, SizeIs(6));
  EXPECT_THAT(plan->pending, SizeIs(1));
  EXPECT_EQ(disk(), before);
  EXPECT_EQ(kernel.writes, 0);
}

TEST_F(KeeperTest, UntouchedFilesAreNotReadAgain) {
  struct Reads final : testlib::ForwardingFiles {
    using ForwardingFiles::ForwardingFiles;
    host::Result<std::string> read(const std::string& path, std::size_t limit) override {
      reads += path.find("manifests") != std::string::npos ? 1 : 0;
      return inner_.read(path, limit);
    }
    int reads = 0;
  } files(tree.files());
  apply(full());
  process = std::make_unique<Process>(tree, clock, files);
  repair();
  EXPECT_EQ(files.reads, 2);
  repair();
  EXPECT_EQ(files.reads, 2);
  tree.write(kManifestA, "kind: C\n");  // as long as it was
  repair();
  EXPECT_EQ(files.reads, 3);
  EXPECT_EQ(tree.read(kManifestA), "kind: A\n");
}

}  // namespace
}  // namespace bedplate::apply
