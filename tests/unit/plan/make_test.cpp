#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/plan/plan.h"

namespace bedplate::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kConfig = "etc/rancher/k3s/config.yaml";
constexpr const char* kManifest = "var/lib/rancher/k3s/server/manifests/bedplate/a-1.yaml";

// A target, what the machine holds of it, and what is held, built together as a host would show them.
struct World {
  Target target;
  Observed observed;
  Held held;

  World() { observed.bootId = "boot-1"; }

  World& want(const std::string& key, const std::string& value, bool tolerant = false) {
    sysctl::Rule rule;
    rule.key = key;
    rule.value = value;
    rule.tolerant = tolerant;
    rule.file = "sysctl.d/99-k8s.conf";
    rule.line = 3;
    target.sysctls.push_back({rule, "cluster"});
    observed.sysctls[key].want = {key, value, tolerant, target.sysctls.size() - 1};
    observed.sysctls[key].problem = "NotFound";
    return *this;
  }
  World& kernel(const std::string& key, const std::string& value) {
    observed.sysctls[key].value = value;
    observed.sysctls[key].problem.clear();
    return *this;
  }
  World& former(const std::string& key, const std::string& original, const std::string& now,
                const std::string& boot = "boot-1") {
    held.sysctls[key] = {original, boot};
    observed.formerSysctls[key] = now;
    return *this;
  }
  World& wantFile(Area area, const std::string& path, const std::string& content) {
    target.files.push_back(
        {area, path, "nodes/web-01/k3s/config.yaml", "nodes/web-01", 0600, sha256(content), nullptr});
    return *this;
  }
  World& disk(const std::string& path, const std::string& content, mode_t mode = 0600) {
    observed.files[path] = {true, true, mode, 0, 0, sha256(content)};
    return *this;
  }
  [[nodiscard]] Plan plan() const { return make(target, observed, held); }
};

std::vector<std::string> texts(const Plan& plan) {
  std::vector<std::string> all;
  for (const auto& change : plan.changes) all.push_back(text(change));
  return all;
}

TEST(Plan, NothingWantedAndNothingHeldIsNothing) {
  EXPECT_THAT(World().plan().changes, IsEmpty());
  EXPECT_THAT(World().plan().pending, IsEmpty());
}

TEST(Plan, AnEqualValueIsNoChange) {
  EXPECT_THAT(World().want("net/ipv4/ip_forward", "1").kernel("net/ipv4/ip_forward", "1").plan().changes, IsEmpty());
}

TEST(Plan, ADifferentValueIsSetAndSaysWhereItComesFrom) {
  const auto plan = World().want("net/ipv4/ip_forward", "1").kernel("net/ipv4/ip_forward", "0").plan();
  EXPECT_THAT(texts(plan), ElementsAre("sysctl  net.ipv4.ip_forward  0 -> 1   (cluster sysctl.d/99-k8s.conf:3)"));
}

TEST(Plan, AKeyThatIsNotThereIsPendingAndNamesItsModule) {
  const auto plan = World().want("net/bridge/bridge-nf-call-iptables", "1").plan();
  EXPECT_THAT(plan.changes, IsEmpty());
  ASSERT_THAT(plan.pending, SizeIs(1));
  EXPECT_EQ(plan.pending[0].subject, "net/bridge/bridge-nf-call-iptables");
  EXPECT_EQ(plan.pending[0].why, "br_netfilter not loaded");
  const auto other = World().want("net/ipv4/conf/eth9.1/rp_filter", "1").plan();
  EXPECT_EQ(other.pending.at(0).why, "no interface eth9.1");
}

TEST(Plan, ATolerantKeyThatIsNotThereIsNothingAtAll) {
  const auto plan = World().want("net/bridge/bridge-nf-call-iptables", "1", true).plan();
  EXPECT_THAT(plan.changes, IsEmpty());
  EXPECT_THAT(plan.pending, IsEmpty());
}

TEST(Plan, AKeyThatCannotBeReadIsAChangeThatWillFailAloud) {
  World world;
  world.want("vm/secret", "1");
  world.observed.sysctls["vm/secret"].problem = "Denied";
  EXPECT_THAT(texts(world.plan()), ElementsAre(HasSubstr("unreadable -> 1")));
}

TEST(Plan, AKeyNoLongerWantedGetsItsOriginalBackInItsOwnBoot) {
  const auto plan = World().former("vm/swappiness", "60", "10").plan();
  EXPECT_THAT(texts(plan), ElementsAre("sysctl  vm.swappiness  10 -> 60   (given back)"));
  EXPECT_EQ(plan.changes[0].action, Action::restoreSysctl);
}

TEST(Plan, AfterARebootAKeyIsReleasedUnchanged) {
  const auto plan = World().former("vm/swappiness", "60", "10", "boot-0").plan();
  ASSERT_THAT(plan.changes, SizeIs(1));
  EXPECT_EQ(plan.changes[0].action, Action::releaseSysctl);
  EXPECT_EQ(plan.changes[0].to, "10");
  EXPECT_THAT(plan.changes[0].note, HasSubstr("kernel's default"));
}

TEST(Plan, AKeyThatK3sClaimsIsLetGoUnchanged) {
  const auto plan = World().former("net/ipv4/ip_forward", "0", "1").plan();
  ASSERT_THAT(plan.changes, SizeIs(1));
  EXPECT_EQ(plan.changes[0].action, Action::releaseSysctl);
  EXPECT_THAT(plan.changes[0].note, HasSubstr("K3s"));
}

TEST(Plan, AKeyThatWasAlreadyAsWantedIsReleasedWithoutAWrite) {
  const auto plan = World().former("vm/swappiness", "10", "10").plan();
  EXPECT_EQ(plan.changes.at(0).action, Action::releaseSysctl);
}

TEST(Plan, AKeyThatIsGoneNeedsNothingBack) {
  World world;
  world.held.sysctls["net/ipv4/conf/veth1/rp_filter"] = {"0", "boot-1"};
  world.observed.formerSysctls["net/ipv4/conf/veth1/rp_filter"] = std::nullopt;
  EXPECT_THAT(world.plan().changes, IsEmpty());
}

TEST(Plan, AModuleIsLoadedOnceAndOnlyWhenItIsNotThere) {
  World world;
  world.target.modules = {{{"overlay", "modules-load.d/k3s.conf", 1}, "cluster"},
                          {{"br_netfilter", "modules-load.d/k3s.conf", 2}, "cluster"},
                          {{"br_netfilter", "nodes/a/modules-load.d/x.conf", 1}, "nodes/a"}};
  world.observed.modules = {{"overlay", true}, {"br_netfilter", false}};
  EXPECT_THAT(texts(world.plan()), ElementsAre("module  br_netfilter  load   (cluster modules-load.d/k3s.conf:2)"));
}

TEST(Plan, FilesAreWrittenWhenContentModeOrKindDiffer) {
  const auto with = [](auto change) {
    World world;
    world.wantFile(Area::k3sConfig, kConfig, "new").disk(kConfig, "new");
    change(world.observed.files[kConfig], world);
    return texts(world.plan());
  };
  const std::string hash = sha256("new").substr(0, 12);
  EXPECT_THAT(with([](FileSeen&, World&) {}), IsEmpty());
  EXPECT_THAT(with([](FileSeen& seen, World&) { seen = {}; }), ElementsAre(HasSubstr("absent -> " + hash)));
  EXPECT_THAT(with([](FileSeen& seen, World&) { seen.mode = 0644; }), ElementsAre(HasSubstr("mode 0644 -> mode 0600")));
  EXPECT_THAT(with([](FileSeen& seen, World&) { seen.uid = 7; }), ElementsAre(HasSubstr("owner 7:0 -> owner 0:0")));
  EXPECT_THAT(with([](FileSeen& seen, World&) { seen.regular = false; }), ElementsAre(HasSubstr("not a regular file")));
  EXPECT_THAT(with([](FileSeen& seen, World&) { seen.sha256 = sha256("old"); }),
              ElementsAre("file    /etc/rancher/k3s/config.yaml  " + sha256("old").substr(0, 12) + " -> " + hash +
                          "   (nodes/web-01 k3s/config.yaml; K3s reads it at its next start)"));
}

TEST(Plan, AFileThatWasThereBeforeIsRestoredAndOneOfOursIsRemoved) {
  World world;
  world.held.files[kConfig] = {true, 0644, 0, 0, sha256("hand made"), Area::k3sConfig};
  world.held.files[kManifest] = {false, 0, 0, 0, "", Area::manifest};
  world.disk(kConfig, "ours").disk(kManifest, "ours");
  const auto plan = world.plan();
  ASSERT_THAT(plan.changes, SizeIs(2));
  EXPECT_EQ(plan.changes[0].action, Action::restoreFile);
  EXPECT_EQ(plan.changes[0].to, "the original");
  EXPECT_EQ(plan.changes[1].action, Action::removeFile);
  EXPECT_THAT(plan.changes[1].note, HasSubstr("objects stay"));
}

TEST(Plan, WhatIsAlreadyGivenBackIsNoChange) {
  World world;
  world.held.files[kConfig] = {true, 0644, 0, 0, sha256("hand made"), Area::k3sConfig};
  world.held.files[kManifest] = {false, 0, 0, 0, "", Area::manifest};
  world.disk(kConfig, "hand made", 0644);
  world.observed.files[kManifest] = {};
  EXPECT_THAT(world.plan().changes, IsEmpty());
}

TEST(Plan, TheOrderIsModulesSysctlsConfigManifestsThenWhatIsGivenBack) {
  World world;
  world.former("vm/swappiness", "60", "10");
  world.held.files["etc/rancher/k3s/registries.yaml"] = {false, 0, 0, 0, "", Area::k3sConfig};
  world.disk("etc/rancher/k3s/registries.yaml", "x");
  world.wantFile(Area::k3sConfig, kConfig, "c").wantFile(Area::manifest, kManifest, "m");
  world.want("vm/max_map_count", "2").kernel("vm/max_map_count", "1");
  world.target.modules = {{{"overlay", "f", 1}, "cluster"}};
  std::vector<std::string> order;
  for (const auto& change : world.plan().changes) order.emplace_back(name(change.action));
  EXPECT_THAT(order, ElementsAre("loadModule", "setSysctl", "writeFile", "writeFile", "restoreSysctl", "removeFile"));
}

TEST(Make, ANoteSaysWhatIsLoweredAndWhoWritesOverIt) {
  struct Case {
    const char *from, *to;
    bool lowers;
  };
  for (const Case& one :
       {Case{"2", "1", true}, Case{"1", "2", false}, Case{"4096 87380 6291456", "4096 65536 6291456", true},
        Case{"4096 87380 6291456", "4096 131072 65536", false}, Case{"fq", "fq_codel", false}, Case{"1 2", "1", false},
        Case{"32768\t60999", "1", false}, Case{"-1", "-2", true}, Case{"99999999999999999999", "1", false},
        Case{"", "1", false}}) {
    const Plan plan = World().want("vm/x", one.to).kernel("vm/x", one.from).plan();
    ASSERT_THAT(plan.changes, SizeIs(1)) << one.from;
    EXPECT_EQ(plan.changes[0].note, one.lowers ? "lowers it" : "") << one.from << " -> " << one.to;
  }
  World world;
  world.want("kernel/panic", "5").kernel("kernel/panic", "10");
  world.target.overwritten["kernel/panic"] = "kubelet sets it to 10 at each start";
  EXPECT_EQ(text(world.plan().changes.at(0)),
            "sysctl  kernel.panic  10 -> 5   (cluster sysctl.d/99-k8s.conf:3; lowers it; kubelet sets it to 10 at each "
            "start)");
}

}  // namespace
}  // namespace bedplate::plan
