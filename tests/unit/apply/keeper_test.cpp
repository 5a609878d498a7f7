#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/apply/generations.h"
#include "agent/apply/held_file.h"
#include "tests/lib/power_cut_files.h"
#include "tests/unit/apply/node.h"

namespace bedplate::apply {
namespace {

using namespace testing_node;  // NOLINT: the vocabulary of these tests
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr const char* kManifestA = "var/lib/rancher/k3s/server/manifests/bedplate/a.yaml";

struct KeeperTest : testing::Test {
  KeeperTest() {
    makeNode(tree);
    clock.wall = 4'000'000'000'000'000;  // files that are written now are old for it
    start();
  }
  void start() {
    process.reset();
    process = std::make_unique<Process>(tree, clock, kernel);
  }
  RunResult apply(const plan::Target& target) { return keep(process->keeper.apply(target, "commit")); }
  RunResult repair(bool enforce = true) { return keep(process->keeper.repair(enforce)); }
  RunResult recover() { return keep(process->keeper.recover()); }
  RunResult reboot(const std::string& id) {
    bootKernel(tree, id);
    systemdAtBoot(tree);
    start();
    return recover();
  }
  static RunResult keep(host::Result<RunResult> result) {
    if (!result) throw std::runtime_error(result.error().text());
    return std::move(*result);
  }
  std::string value(const std::string& key) { return sysctl::normaliseValue(tree.read("proc/sys/" + key)); }
  void poke(const std::string& key, const std::string& value) { tree.write("proc/sys/" + key, value + "\n"); }
  std::string bootText() { return tree.read(host::paths::bootSysctl); }
  Generation inForce() { return process->store.latest(GenerationState::applied).value().value(); }
  std::int64_t driftCount() { return process->store.driftCount(0).value(); }
  // Identity and times of everything that lies on the disk.
  std::map<std::string, host::FileInfo> disk() {
    std::map<std::string, host::FileInfo> all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(tree.path())) {
      const std::string path = entry.path().string().substr(tree.path().size() + 1);
      if (path.compare(0, 4, "proc") != 0 && path.compare(0, 3, "sys") != 0)
        all[path] = tree.files().info(path).value();
    }
    return all;
  }

  testlib::TempTree tree;
  testlib::FakeClock clock;
  Kernel kernel{tree.files()};
  std::unique_ptr<Process> process;
};

plan::Target full() {
  TargetBuilder builder("full");
  builder.module("br_netfilter").sysctl("vm/swappiness", "10").sysctl("net/ipv4/ip_forward", "1").sysctl(kBridge, "1");
  builder.config("node-name: web-01\n").manifest("a.yaml", "kind: A\n").manifest("b.yaml", "kind: B\n");
  return builder.target;
}

TEST_F(KeeperTest, AppliesInOrderAndRendersWhatHoldsForBoot) {
  const RunResult run = apply(full());
  EXPECT_FALSE(run.failed());
  EXPECT_EQ(run.generation, 1);
  EXPECT_THAT(run.pending, IsEmpty());
  std::vector<std::string> order;
  for (const auto& outcome : run.outcomes) order.push_back(outcome.change.subject);
  EXPECT_EQ(order.at(0), "br_netfilter");
  EXPECT_THAT(std::vector(order.begin() + 1, order.begin() + 4),
              testing::UnorderedElementsAre("net/ipv4/ip_forward", "vm/swappiness", kBridge));
  EXPECT_EQ(order.at(4), kConfig);
  EXPECT_EQ(order.at(5), kManifestA);
  EXPECT_EQ(value("vm/swappiness"), "10");
  EXPECT_EQ(value(kBridge), "1");
  EXPECT_EQ(tree.read(kManifestA), "kind: A\n");
  EXPECT_EQ(tree.files().info(kManifestA).value().mode, 0600u);
  EXPECT_EQ(tree.files().info(host::paths::k3sServerDir).value().mode, 0700u);
  EXPECT_EQ(tree.files().info("var/lib/rancher/k3s").value().mode, 0755u);
  EXPECT_THAT(bootText(), HasSubstr("\nvm.swappiness = 10\nnet.ipv4.ip_forward = 1\n"
                                    "net.bridge.bridge-nf-call-iptables = 1\n"));
  EXPECT_THAT(tree.read(host::paths::bootModules), HasSubstr("\nbr_netfilter\n"));
  const auto row = process->store.latest(GenerationState::applied).value();
  EXPECT_EQ(row->commit, full().commit);
  EXPECT_THAT(row->outcomes, SizeIs(7));
  const auto held = process->store.held().value();
  EXPECT_EQ(held.sysctls.at("vm/swappiness"), (plan::SysctlOriginal{"60", "boot-1"}));
  EXPECT_TRUE(held.files.at(kConfig).existed);
  EXPECT_EQ(held.files.at(kConfig).mode, 0640u);
}

TEST_F(KeeperTest, WithNothingToDoNothingIsWritten) {
  apply(full());
  start();
  recover();  // remembers the boot, once
  const auto before = disk();
  testlib::PowerCutFiles counting(tree);
  process.reset();
  process = std::make_unique<Process>(tree, clock, counting);
  EXPECT_THAT(recover().outcomes, IsEmpty());
  EXPECT_FALSE(apply(full()).generation);
  EXPECT_THAT(repair().outcomes, IsEmpty());
  plan::Target sameHost = full();
  sameHost.commit = sameHost.tree = std::string(40, 'e');
  EXPECT_FALSE(apply(sameHost).generation);
  EXPECT_EQ(counting.changes(), 0);
  EXPECT_EQ(disk(), before);
}

TEST_F(KeeperTest, RemovalGivesBackWhatWasThere) {
  apply(full());
  const RunResult run = apply(TargetBuilder("empty").target);
  EXPECT_FALSE(run.failed());
  EXPECT_EQ(value("vm/swappiness"), "60");
  EXPECT_EQ(value("net/ipv4/ip_forward"), "1") << "K3s claims it: it is let go";
  EXPECT_EQ(tree.read(kConfig), kHandMade);
  EXPECT_EQ(tree.files().info(kConfig).value().mode, 0640u);
  EXPECT_FALSE(tree.exists(kManifestA));
  EXPECT_FALSE(tree.exists(host::paths::bootSysctl));
  EXPECT_FALSE(tree.exists(host::paths::bootModules));
  EXPECT_THAT(tree.files().list(host::paths::originals, 10).value(), IsEmpty());
  const auto held = process->store.held().value();
  EXPECT_THAT(held.sysctls, IsEmpty());
  EXPECT_THAT(held.files, IsEmpty());
}

TEST_F(KeeperTest, AValueThatIsRightAlreadyIsTakenOverToo) {
  poke("vm/swappiness", "10");
  EXPECT_THAT(apply(TargetBuilder("x").sysctl("vm/swappiness", "10").target).outcomes, IsEmpty());
  EXPECT_EQ(kernel.writes, 0);
  EXPECT_EQ(process->store.held().value().sysctls.at("vm/swappiness").value, "10");
  EXPECT_THAT(bootText(), HasSubstr("vm.swappiness = 10"));
  apply(plan::Target{});
  EXPECT_EQ(value("vm/swappiness"), "10");
}

TEST_F(KeeperTest, ARefusedValueIsReportedTheRestIsAppliedAndItIsNotInTheBootFile) {
  kernel.refuses = {"proc/sys/vm/swappiness"};
  const RunResult run = apply(full());
  EXPECT_TRUE(run.failed());
  EXPECT_EQ(value("net/ipv4/ip_forward"), "1");
  EXPECT_EQ(tree.read(kManifestA), "kind: A\n");
  EXPECT_THAT(bootText(), Not(HasSubstr("swappiness")));
  int failures = 0;
  const Generation now = inForce();
  for (const auto& outcome : now.outcomes)
    if (outcome.error) {
      ++failures;
      EXPECT_EQ(outcome.error->reason, "Invalid");
      EXPECT_EQ(outcome.error->thing, "vm.swappiness");
    }
  EXPECT_EQ(failures, 1);

  // Tried again without a drift event and without a write to the disk.
  const auto before = disk();
  EXPECT_TRUE(repair().failed());
  start();
  EXPECT_TRUE(repair().failed());
  EXPECT_EQ(driftCount(), 0);
  EXPECT_EQ(disk(), before);

  kernel.refuses.clear();
  EXPECT_FALSE(repair().failed());
  EXPECT_EQ(value("vm/swappiness"), "10");
  EXPECT_THAT(bootText(), HasSubstr("vm.swappiness = 10"));
  const Generation later = inForce();
  for (const auto& outcome : later.outcomes) EXPECT_FALSE(outcome.error);
  EXPECT_EQ(driftCount(), 0);
  EXPECT_EQ(process->store.latest(GenerationState::applied).value()->number, 1);
}

TEST_F(KeeperTest, AToleratedRefusalIsNoFailureAndNoDrift) {
  kernel.refuses = {"proc/sys/vm/swappiness"};
  const RunResult run = apply(TargetBuilder("x").sysctl("vm/swappiness", "10", true).target);
  EXPECT_FALSE(run.failed());
  EXPECT_THAT(run.outcomes.at(0).change.note, HasSubstr("tolerated"));
  start();
  EXPECT_FALSE(repair().failed());
  EXPECT_EQ(driftCount(), 0);
  EXPECT_FALSE(tree.exists(host::paths::bootSysctl));
  kernel.refuses.clear();
  repair();
  EXPECT_THAT(bootText(), HasSubstr("-vm.swappiness = 10"));
}

TEST_F(KeeperTest, DriftIsPutBackAndRecorded) {
  apply(full());
  poke("vm/swappiness", "99");
  tree.write(kManifestA, "kind: Other\n");
  tree.remove("var/lib/rancher/k3s/server/manifests/bedplate/b.yaml");
  ::chmod((tree.path() + "/" + kConfig).c_str(), 0644);
  const RunResult run = repair();
  EXPECT_FALSE(run.failed());
  EXPECT_FALSE(run.generation);
  EXPECT_THAT(run.outcomes, SizeIs(4));
  EXPECT_EQ(value("vm/swappiness"), "10");
  EXPECT_EQ(tree.read(kManifestA), "kind: A\n");
  EXPECT_EQ(tree.files().info(kConfig).value().mode, 0600u);
  const auto events = process->store.drift(0, 10).value();
  ASSERT_THAT(events, SizeIs(4));
  std::set<std::string> seen;
  for (const auto& event : events) {
    EXPECT_TRUE(event.repaired);
    EXPECT_EQ(event.writer, "unknown");
    seen.insert(event.kind + " " + event.from + " -> " + event.to);
  }
  EXPECT_TRUE(seen.contains("sysctl 99 -> 10"));
  EXPECT_TRUE(seen.contains("file mode 0644 -> mode 0600"));
  EXPECT_THAT(repair().outcomes, IsEmpty());
  EXPECT_EQ(driftCount(), 4);
}

TEST_F(KeeperTest, WithoutEnforcingADriftIsRecordedOncePerState) {
  apply(full());
  poke("vm/swappiness", "99");
  EXPECT_THAT(repair(false).outcomes, IsEmpty());
  repair(false);
  start();
  repair(false);
  EXPECT_EQ(driftCount(), 1);
  EXPECT_EQ(value("vm/swappiness"), "99");
  EXPECT_FALSE(process->store.drift(0, 1).value()[0].repaired);
  EXPECT_THAT(bootText(), HasSubstr("vm.swappiness = 10")) << "what is at boot is still Git's";
  poke("vm/swappiness", "98");
  repair(false);
  EXPECT_EQ(driftCount(), 2);
  poke("vm/swappiness", "10");
  repair(false);
  poke("vm/swappiness", "98");
  repair(false);
  EXPECT_EQ(driftCount(), 3);
  repair(true);
  EXPECT_EQ(value("vm/swappiness"), "10");
}

TEST_F(KeeperTest, ATargetThatOnlyReportsIsObeyedButRetriesGoOn) {
  plan::Target target = full();
  target.driftEnforce = false;
  process->loader.known.clear();
  EXPECT_TRUE(apply(target).failed());
  poke("vm/swappiness", "99");
  process->loader.known = {"br_netfilter"};
  clock.advanceMs(120'000);
  EXPECT_FALSE(repair().failed());
  EXPECT_EQ(value("vm/swappiness"), "99");
  EXPECT_EQ(value(kBridge), "1");
  EXPECT_FALSE(apply(target).generation);
  EXPECT_EQ(value("vm/swappiness"), "99");
}

TEST_F(KeeperTest, AModuleThatDoesNotLoadLeavesItsKeysPendingUntilItAppears) {
  process->loader.known.clear();
  const RunResult run = apply(full());
  EXPECT_TRUE(run.failed());
  ASSERT_THAT(run.pending, SizeIs(1));
  EXPECT_EQ(run.pending[0].subject, kBridge);
  EXPECT_EQ(process->loader.asked, 1);
  EXPECT_TRUE(repair().failed());
  EXPECT_EQ(process->loader.asked, 1) << "systemd is not asked again at every look";
  EXPECT_THAT(bootText(), Not(HasSubstr("bridge")));
  ASSERT_TRUE(FakeLoader(tree).load("br_netfilter"));
  const RunResult later = repair();
  EXPECT_FALSE(later.failed());
  EXPECT_THAT(later.pending, IsEmpty());
  EXPECT_EQ(value(kBridge), "1");
  EXPECT_EQ(driftCount(), 0);
  EXPECT_EQ(process->store.held().value().sysctls.at(kBridge).value, "0");
  EXPECT_THAT(bootText(), HasSubstr("bridge"));
  EXPECT_THAT(tree.read(host::paths::bootModules), HasSubstr("br_netfilter"));
}

TEST_F(KeeperTest, ARebootIsNoDriftAndAKeyThatWaitsForItsModuleStaysInTheBootFile) {
  apply(full());
  const std::string text = bootText();
  bootKernel(tree, "boot-2");  // systemd did nothing
  start();
  process->loader.known.clear();
  const RunResult run = recover();
  EXPECT_EQ(value("vm/swappiness"), "10");
  EXPECT_EQ(driftCount(), 0);
  EXPECT_THAT(run.pending, SizeIs(1));
  EXPECT_EQ(bootText(), text);
  tree.write(kManifestA, "changed while we were away");
  reboot("boot-3");
  EXPECT_EQ(tree.read(kManifestA), "kind: A\n");
  EXPECT_EQ(driftCount(), 1) << "a file does not change by a reboot";
}

TEST_F(KeeperTest, InTheSameBootARestartFindsTheDrift) {
  apply(full());
  start();
  recover();
  poke("vm/swappiness", "99");
  start();
  recover();
  EXPECT_EQ(value("vm/swappiness"), "10");
  EXPECT_EQ(driftCount(), 1);
}

TEST_F(KeeperTest, AfterARebootARemovedKeyIsReleasedAndLeavesTheBootFile) {
  apply(full());
  reboot("boot-2");
  EXPECT_EQ(process->store.held().value().sysctls.at("vm/swappiness"), (plan::SysctlOriginal{"60", "boot-1"}));
  plan::Target target = full();
  std::erase_if(target.sysctls, [](const auto& want) { return want.rule.key == "vm/swappiness"; });
  const RunResult run = apply(target);
  EXPECT_EQ(value("vm/swappiness"), "10");
  EXPECT_THAT(bootText(), Not(HasSubstr("swappiness")));
  EXPECT_THAT(run.outcomes.at(0).change.note, HasSubstr("kernel's default"));
  EXPECT_FALSE(process->store.held().value().sysctls.contains("vm/swappiness"));
  reboot("boot-3");
  EXPECT_EQ(value("vm/swappiness"), "60");
}

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
