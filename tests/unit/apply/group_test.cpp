// Keys that can cut the node off: set together, and taken back together when the network is gone with them.
#include <gmock/gmock.h>

#include "tests/unit/apply/fake_reach.h"
#include "tests/unit/apply/keeper_fixture.h"

namespace bedplate::apply {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing_node::bootKernel;
using testing_node::FakeReach;
using testing_node::KeeperTest;
using testing_node::kManifestA;
using testing_node::makeNode;
using testing_node::Process;
using testing_node::TargetBuilder;

constexpr const char* kEth0 = "net/ipv4/conf/eth0/rp_filter";
constexpr const char* kForward = "net/ipv4/ip_forward";

struct Group : KeeperTest {
  Group() {
    reach = &network;
    start();
  }
  // Strict rp_filter cuts this node off.
  FakeReach network{[this] { return value(kEth0) != "1"; }};

  static TargetBuilder target(const std::string& name, const std::string& filter) {
    TargetBuilder builder(name);
    builder.sysctl("vm/swappiness", "10").sysctl(kForward, "1").sysctl("net/ipv4/conf/*/rp_filter", filter);
    builder.manifest("a.yaml", "kind: A\n");
    return builder;
  }
  static plan::Target bad() { return target("bad", "1").target; }
  static plan::Target good() { return target("good", "2").target; }

  static std::map<std::string, std::string> reasons(const std::vector<Outcome>& outcomes) {
    std::map<std::string, std::string> all;
    for (const auto& outcome : outcomes)
      all[outcome.change.subject] = outcome.error ? outcome.error->reason : std::string();
    return all;
  }
  std::size_t written(const std::string& key) {
    const auto& order = kernel.order;
    return static_cast<std::size_t>(std::count(order.begin(), order.end(), "proc/sys/" + key));
  }
};

TEST_F(Group, WhatCutsTheNodeOffIsTakenBackAndTheRestStays) {
  const RunResult run = apply(bad());
  EXPECT_EQ(value("vm/swappiness"), "10");
  EXPECT_TRUE(tree.exists(kManifestA));
  EXPECT_EQ(value(kForward), "0");
  EXPECT_EQ(value(kEth0), "0");
  EXPECT_EQ(value("net/ipv4/conf/all/rp_filter"), "0");
  const auto all = reasons(run.outcomes);
  EXPECT_EQ(all.at(kForward), "CutOff");
  EXPECT_EQ(all.at(kEth0), "CutOff");
  EXPECT_EQ(all.at("net/ipv4/conf/all/rp_filter"), "CutOff");
  EXPECT_EQ(all.at("vm/swappiness"), "");
  EXPECT_EQ(all.at(kManifestA), "");
  EXPECT_THAT(run.note, HasSubstr("3 keys that can cut the node off taken back: Git remote answered before"));
  EXPECT_THAT(run.note, HasSubstr("it answers again"));
  EXPECT_EQ(inForce().why, run.note);
  EXPECT_EQ(network.routesBack, 1);
  EXPECT_THAT(network.asked, testing::ElementsAre("IPv4 gateway", "Git remote"));
  EXPECT_THAT(bootText(), HasSubstr("vm.swappiness = 10"));
  EXPECT_THAT(bootText(), Not(HasSubstr("rp_filter = 1")));
  EXPECT_THAT(bootText(), Not(HasSubstr("ip_forward = 1")));
  EXPECT_FALSE(process->store.openGroup().value());
}

TEST_F(Group, ComesAfterTheOtherKeysAndGoesInReverse) {
  apply(bad());
  const std::vector<std::string> expected = {"proc/sys/vm/swappiness",
                                             "proc/sys/net/ipv4/conf/all/rp_filter",
                                             "proc/sys/net/ipv4/conf/eth0/rp_filter",
                                             "proc/sys/net/ipv4/ip_forward",
                                             "proc/sys/net/ipv4/ip_forward",
                                             "proc/sys/net/ipv4/conf/eth0/rp_filter",
                                             "proc/sys/net/ipv4/conf/all/rp_filter"};
  EXPECT_EQ(kernel.order, expected);
}

TEST_F(Group, WhatStillReachesEverythingIsKept) {
  const RunResult run = apply(good());
  EXPECT_FALSE(run.failed());
  EXPECT_EQ(network.looks, 2);
  EXPECT_EQ(value(kEth0), "2");
  EXPECT_EQ(run.note, "");
  EXPECT_THAT(bootText(), HasSubstr("net.ipv4.conf.*.rp_filter = 2"));
  EXPECT_FALSE(process->store.openGroup().value());
  repair();
  apply(good());
  EXPECT_EQ(network.looks, 2) << "nothing was written, and the network was looked at";
}

TEST_F(Group, ARemoteThatWasOutOfReachProvesNothing) {
  network.network = false;
  const RunResult run = apply(bad());
  EXPECT_FALSE(run.failed());
  EXPECT_EQ(value(kEth0), "1");
  EXPECT_EQ(network.looks, 1);
}

TEST_F(Group, IsNotTriedAgainAsItWas) {
  apply(bad());
  const int looks = network.looks;
  const std::size_t times = written(kEth0);
  for (int i = 0; i < 3; ++i) {
    clock.advanceMs(3'600'000);
    EXPECT_EQ(reasons(repair().outcomes).at(kEth0), "CutOff");
    EXPECT_EQ(reasons(apply(bad()).outcomes).at(kEth0), "CutOff");
  }
  start();
  EXPECT_EQ(reasons(recover().outcomes).at(kEth0), "CutOff");
  // A commit to something else is applied; these keys are as they were.
  const RunResult run = apply(target("other", "1").manifest("b.yaml", "kind: B\n").target);
  EXPECT_EQ(reasons(run.outcomes).at(kEth0), "CutOff");
  EXPECT_TRUE(run.generation);
  EXPECT_TRUE(tree.exists("var/lib/rancher/k3s/server/manifests/bedplate/b.yaml"));
  EXPECT_EQ(network.looks, looks);
  EXPECT_EQ(written(kEth0), times);
  EXPECT_EQ(driftCount(), 0);
  // The rest is enforced all the while.
  poke("vm/swappiness", "55");
  repair();
  EXPECT_EQ(value("vm/swappiness"), "10");
  EXPECT_EQ(network.looks, looks);
}

TEST_F(Group, OtherKeysOrAnOperatorGiveItAnotherTry) {
  apply(bad());
  EXPECT_FALSE(apply(good()).failed());
  EXPECT_EQ(value(kEth0), "2");
  EXPECT_FALSE(process->store.cutOff().value());

  EXPECT_TRUE(apply(bad()).failed());
  EXPECT_EQ(value(kEth0), "2") << "back to what was there before this run";
  const int looks = network.looks;
  ASSERT_TRUE(process->store.resume());
  EXPECT_TRUE(apply(bad()).failed());
  EXPECT_GT(network.looks, looks);
  network.network = false;
  ASSERT_TRUE(process->store.resume());
  EXPECT_FALSE(apply(bad()).failed());
  EXPECT_EQ(value(kEth0), "1");
}

TEST_F(Group, TheBootFileKeepsWhatItSaidOfThem) {
  apply(good());
  apply(bad());
  EXPECT_THAT(bootText(), HasSubstr("-net.ipv4.conf.*.rp_filter = 2"));
  EXPECT_THAT(bootText(), Not(HasSubstr("rp_filter = 1")));
  EXPECT_THAT(bootText(), HasSubstr("net.ipv4.ip_forward = 1"));
}

TEST_F(Group, NothingIsLookedAtInABootAndNothingUnconfirmedIsSet) {
  apply(bad());
  const int looks = network.looks;
  const RunResult run = reboot("boot-2");
  EXPECT_EQ(network.looks, looks);
  EXPECT_EQ(value(kEth0), "0");
  EXPECT_EQ(value(kForward), "0");
  EXPECT_EQ(value("vm/swappiness"), "10");
  EXPECT_EQ(reasons(run.outcomes).at(kEth0), "CutOff");
}

TEST_F(Group, ABootSetsWhatWasConfirmedWithoutALook) {
  apply(good());
  const int looks = network.looks;
  bootKernel(tree, "boot-2");  // and systemd has not read the boot file
  start();
  EXPECT_FALSE(recover().failed());
  EXPECT_EQ(value(kEth0), "2");
  EXPECT_EQ(value(kForward), "1");
  EXPECT_EQ(network.looks, looks);
  // Without the boot file it is not known any more, and waits.
  tree.remove(host::paths::bootSysctl);
  bootKernel(tree, "boot-3");
  start();
  EXPECT_EQ(reasons(recover().outcomes).at(kEth0), "NotChecked");
  EXPECT_EQ(value(kEth0), "0");
  EXPECT_EQ(value("vm/swappiness"), "10");
  repair();
  EXPECT_EQ(value(kEth0), "0");
  EXPECT_FALSE(apply(good()).failed());
  EXPECT_EQ(value(kEth0), "2");
  EXPECT_EQ(network.looks, looks + 2);
}

TEST_F(Group, ADriftIsPutBackWithoutALook) {
  apply(good());
  const int looks = network.looks;
  poke(kEth0, "0");
  EXPECT_FALSE(repair().failed());
  EXPECT_EQ(value(kEth0), "2");
  EXPECT_EQ(driftCount(), 1);
  EXPECT_EQ(network.looks, looks);
}

TEST_F(Group, ALateInterfaceOfAConfirmedGlobNeedsNoLook) {
  apply(good());
  const int looks = network.looks;
  tree.write("proc/sys/net/ipv4/conf/veth1/rp_filter", "0\n");
  repair();
  EXPECT_EQ(value("net/ipv4/conf/veth1/rp_filter"), "2");
  EXPECT_EQ(network.looks, looks);
}

TEST_F(Group, ALateKeyOfItsOwnIsLookedAfter) {
  apply(target("late", "2").sysctl("net/ipv4/conf/eth1/rp_filter", "1").target);
  const int looks = network.looks;
  tree.write("proc/sys/net/ipv4/conf/eth1/rp_filter", "0\n");
  repair();
  EXPECT_EQ(value("net/ipv4/conf/eth1/rp_filter"), "1");
  EXPECT_EQ(network.looks, looks + 2);
}

TEST_F(Group, WhatTheKernelRefusesIsReportedAndTheOthersApply) {
  kernel.refuses.insert(std::string("proc/sys/") + kEth0);
  const RunResult run = apply(good());
  EXPECT_EQ(reasons(run.outcomes).at(kEth0), "Invalid");
  EXPECT_EQ(value("net/ipv4/conf/all/rp_filter"), "2");
  EXPECT_EQ(value(kForward), "1");
  const int looks = network.looks;
  for (int i = 0; i < 5; ++i) {
    clock.advanceMs(60'000);
    repair();
    apply(good());
  }
  EXPECT_EQ(network.looks, looks) << "each minute the network is looked at for a key that is refused";
  kernel.refuses.clear();
  clock.advanceMs(600'000);
  EXPECT_FALSE(apply(good()).failed());
  EXPECT_EQ(value(kEth0), "2");
}

struct GivingBack : KeeperTest {
  GivingBack() {
    reach = &network;
    start();
  }
  // This node needs the loose filter.
  FakeReach network{[this] { return value(kEth0) == "2"; }};
};

TEST_F(GivingBack, IsPartOfTheGroup) {
  network.network = false;
  apply(TargetBuilder("loose").sysctl(kEth0, "2").target);
  network.network = true;
  const plan::Target without = TargetBuilder("without").sysctl("vm/swappiness", "10").target;
  const RunResult run = apply(without);
  EXPECT_TRUE(run.failed());
  EXPECT_EQ(value(kEth0), "2");
  EXPECT_EQ(value("vm/swappiness"), "10");
  EXPECT_THAT(bootText(), HasSubstr("-net.ipv4.conf.eth0.rp_filter = 2"));
  EXPECT_EQ(process->store.held()->sysctls.at(kEth0).value, "0") << "the original is lost";
  const int looks = network.looks;
  repair();
  apply(without);
  EXPECT_EQ(network.looks, looks);
  EXPECT_EQ(value(kEth0), "2");
  network.network = false;
  ASSERT_TRUE(process->store.resume());
  EXPECT_FALSE(apply(without).failed());
  EXPECT_EQ(value(kEth0), "0");
  EXPECT_THAT(bootText(), Not(HasSubstr("rp_filter")));
}

// A kernel that moves other keys along.
class MovingKernel final : public testlib::ForwardingFiles {
 public:
  MovingKernel(testlib::TempTree& tree) : ForwardingFiles(tree.files()), tree_(tree) {}
  host::Status writeValue(const std::string& path, std::string_view text) override {
    BEDPLATE_TRY(inner_.writeValue(path, text));
    if (path == std::string("proc/sys/") + kForward)
      for (const char* device : {"all", "default", "eth0", "eth1"})
        tree_.write(std::string("proc/sys/net/ipv4/conf/") + device + "/forwarding", std::string(text));
    return {};
  }

 private:
  testlib::TempTree& tree_;
};

TEST(GroupMoved, WhatTheKernelChangedAlongWithItGoesBackToo) {
  testlib::TempTree tree;
  makeNode(tree);
  for (const char* device : {"all", "default", "eth0"})
    tree.write(std::string("proc/sys/net/ipv4/conf/") + device + "/forwarding", "0\n");
  tree.write("proc/sys/net/ipv4/conf/eth1/forwarding", "1\n");
  tree.write("proc/sys/net/ipv4/conf/all/accept_redirects", "1\n");
  testlib::FakeClock clock;
  MovingKernel kernel(tree);
  FakeReach network([&] { return tree.read(std::string("proc/sys/") + kForward) == "0\n"; });
  Process process(tree, clock, kernel, &network);
  const auto run = process.keeper.apply(TargetBuilder("forward").sysctl(kForward, "1").target, "commit");
  ASSERT_TRUE(run);
  EXPECT_TRUE(run->failed());
  EXPECT_EQ(tree.read("proc/sys/net/ipv4/conf/eth0/forwarding"), "0\n");
  EXPECT_EQ(tree.read("proc/sys/net/ipv4/conf/eth1/forwarding"), "1\n");
}

}  // namespace
}  // namespace bedplate::apply
