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
using testing::Not;
using testing::SizeIs;
using testing_node::bootKernel;
using testing_node::FakeLoader;
using testing_node::full;
using testing_node::kBridge;
using testing_node::kConfig;
using testing_node::KeeperTest;
using testing_node::kHandMade;
using testing_node::kManifestA;
using testing_node::Process;
using testing_node::TargetBuilder;

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

}  // namespace
}  // namespace bedplate::apply
