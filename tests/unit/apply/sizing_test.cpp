#include "agent/apply/sizing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/apply/apply.h"

namespace bedplate::apply {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const host::Result<host::MachineSize> kFour = host::MachineSize{std::uint64_t{4} << 30, 2};
const host::Result<host::MachineSize> kUnknown = host::fail("Unknown", "/proc/meminfo", "does not say");

cluster::Amount amount(std::int64_t number) { return {number, {"nodes/web-01/node.yaml", 7, 3, "nodes/web-01"}}; }

std::vector<std::string> shown(const cluster::NodeConfig& config, const host::Result<host::MachineSize>& machine) {
  std::vector<std::string> all;
  const auto wants = sizingRules(config, machine);
  if (!wants) return {wants.error().text()};
  for (const auto& want : *wants)
    all.push_back(sysctl::dotted(want.rule.key) + " " + sysctl::name(want.rule.bound) + " " + want.rule.value + " " +
                  plan::originOf(want));
  return all;
}

TEST(Sizing, AutoIsABoundAndANumberIsANumber) {
  cluster::NodeConfig config;
  EXPECT_THAT(shown(config, kUnknown), IsEmpty());
  config.tuning.conntrackMax = amount(0);
  config.tuning.conntrackBuckets = amount(0);
  config.tuning.inotifyInstances = amount(0);
  config.tuning.inotifyWatches = amount(0);
  EXPECT_THAT(shown(config, kFour),
              ElementsAre("net.netfilter.nf_conntrack_max atLeast 679936 sizing conntrack nodes/web-01 node.yaml:7",
                          "net.netfilter.nf_conntrack_buckets about 679936 sizing conntrack nodes/web-01 node.yaml:7",
                          "fs.inotify.max_user_instances atLeast 8192 sizing inotify nodes/web-01 node.yaml:7",
                          "fs.inotify.max_user_watches atLeast 196608 sizing inotify nodes/web-01 node.yaml:7"));
  EXPECT_THAT(shown(config, kUnknown), ElementsAre(HasSubstr("/proc/meminfo: does not say")));
  config.tuning.conntrackMax = amount(100000);
  config.tuning.inotifyInstances = amount(512);
  config.tuning.inotifyWatches.reset();
  EXPECT_THAT(shown(config, kFour),
              ElementsAre("net.netfilter.nf_conntrack_max exact 100000 sizing conntrack nodes/web-01 node.yaml:7",
                          HasSubstr("nf_conntrack_buckets about 100000 "), HasSubstr("instances exact 512 ")));
  config.tuning.conntrackBuckets = amount(65536);
  EXPECT_THAT(shown(config, kUnknown),
              ElementsAre(HasSubstr("max exact 100000"), HasSubstr("buckets exact 65536"), HasSubstr("exact 512")))
      << "nothing is taken from the machine";
}

plan::Target made(const cluster::Desired& desired) {
  auto target = makeTarget(desired, source::Snapshot{}, kFour);
  EXPECT_TRUE(target);
  return target.value_or(plan::Target{});
}

cluster::SysctlWant fileRule(const std::string& key, const std::string& value) {
  cluster::SysctlWant want;
  want.rule.key = key;
  want.rule.value = value;
  want.layer = "cluster";
  return want;
}

TEST(ConntrackDropIn, KeepsK3sOffWhatWeSet) {
  cluster::Desired desired;
  desired.node = {"web-01", "agent", "oslo"};
  EXPECT_THAT(made(desired).files, IsEmpty());
  desired.config.tuning.conntrackBuckets = amount(0);
  EXPECT_THAT(made(desired).files, IsEmpty()) << "Git's own K3s configuration says all of it";
  desired.conntrackHandOver = {"conntrack-max-per-core=0", "conntrack-tcp-timeout-established=0s"};
  const auto files = made(desired).files;
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(files[0].path, "etc/rancher/k3s/config.yaml.d/zz-bedplate-conntrack.yaml");
  EXPECT_EQ(files[0].area, plan::Area::k3sConfig);
  EXPECT_EQ(files[0].mode, 0600U);
  EXPECT_EQ(files[0].layer, "nodes/web-01");
  EXPECT_EQ(files[0].sha256, plan::sha256(*files[0].content));
  EXPECT_THAT(*files[0].content, testing::EndsWith("\nkube-proxy-arg+:\n- conntrack-max-per-core=0\n"
                                                   "- conntrack-tcp-timeout-established=0s\n"));
}

TEST(ConntrackDropIn, IsReadAfterAllOthers) {
  cluster::Desired desired;
  desired.node = {"web-01", "server", "oslo"};
  desired.config.tuning.conntrackMax = amount(0);
  desired.conntrackHandOver = {"conntrack-max-per-core=0"};
  const auto text = std::make_shared<const std::string>("a: b\n");
  for (const char* name : {"10-a.yaml", "zz-bedplate-conntrack.yaml", "zzzz.yaml"})
    desired.k3s.push_back({std::string("k3s/config.yaml.d/") + name, "cluster", "f", text});
  const auto files = made(desired).files;
  ASSERT_EQ(files.size(), 4U);
  EXPECT_THAT(*files.back().content, HasSubstr("kube-proxy-arg+")) << "the last in byte order, which is K3s's";
  EXPECT_EQ(files.back().path, "etc/rancher/k3s/config.yaml.d/zzzzz-bedplate-conntrack.yaml");
}

TEST(MakeTarget, PutsSizesBetweenProfileAndFiles) {
  cluster::Desired desired;
  desired.config.tuning.inotifyWatches = amount(0);
  for (const auto source : {sysctl::Source::profile, sysctl::Source::file, sysctl::Source::floor}) {
    desired.sysctls.push_back(fileRule("vm/swappiness", "1"));
    desired.sysctls.back().rule.source = source;
  }
  std::vector<std::string> order;
  for (const auto& want : made(desired).sysctls) order.emplace_back(sysctl::name(want.rule.source));
  EXPECT_THAT(order, ElementsAre("profile", "sizing", "file", "floor"));
}

}  // namespace
}  // namespace bedplate::apply
