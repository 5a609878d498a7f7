// Profiles, floors and kube-proxy's arguments on their way into the desired state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/cluster/snapshots.h"
#include "tuning/profiles/profiles.h"

namespace bedplate::cluster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kHeader = "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\n";

TEST(Profiles, AreWellFormedAndAsked) {
  for (const auto& name : profiles::names()) {
    const auto files = profiles::files(name);
    ASSERT_FALSE(files.empty()) << name;
    for (const auto& file : files) {
      const auto parsed = sysctl::parseProfile(file.text, std::string(file.name));
      EXPECT_TRUE(parsed.problems.empty()) << file.name << ": " << parsed.problems.front().message;
      EXPECT_GT(parsed.rules.size(), 5U);
      std::set<std::string> keys;
      for (const auto& rule : parsed.rules) {
        EXPECT_TRUE(keys.insert(rule.key).second) << rule.key << " twice";
        EXPECT_FALSE(sysctl::refused(rule.key, rule.value)) << rule.key;
        EXPECT_EQ(rule.source, sysctl::Source::profile);
      }
    }
  }
  EXPECT_THAT(profiles::files("none"), IsEmpty());
  EXPECT_THAT(profiles::files(""), IsEmpty());
}

TEST(Profiles, LeaveAloneWhatIsDisputedAndNeverLowerALimit) {
  for (const auto& file : profiles::files("k3s-high-traffic"))
    for (const auto& rule : sysctl::parseProfile(file.text, "f").rules) {
      for (const char* disputed : {"net/ipv4/tcp_tw_reuse", "rp_filter", "accept_ra", "ipv6/conf", "nf_conntrack"})
        EXPECT_EQ(rule.key.find(disputed), std::string::npos) << rule.key;
      for (const char* limit :
           {"inotify", "max_map_count", "somaxconn", "pid_max", "file-max", "gc_thresh", "mem_max", "backlog"})
        EXPECT_TRUE(rule.key.find(limit) == std::string::npos || rule.bound == sysctl::Bound::atLeast) << rule.key;
    }
}

TEST(Profiles, EveryKeySaysWhyAndFromWhere) {
  for (const auto& file : profiles::files("k3s-high-traffic")) {
    bool comment = false, why = false, from = false;
    std::string_view rest = file.text;
    while (!rest.empty()) {
      const auto end = std::min(rest.find('\n'), rest.size());
      const auto line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line.starts_with('#')) {
        if (!comment) why = from = false;
        comment = true;
        (line.starts_with("# From: ") ? from : why) = true;
      } else {
        comment = false;
        if (line.empty()) why = from = false;
        EXPECT_TRUE(line.empty() || (why && from)) << file.name << ": " << line;
      }
    }
  }
}

TEST(Tuning, RulesStandInTheOrderOfTheirStrength) {
  const auto result =
      compiled({{"node.yaml", kHeader + "tuning:\n  profile: k3s\n  floors: {vm.max_map_count: 300000}\n"},
                {"sysctl.d/a.conf", "vm.max_map_count = 100000\n"},
                {"nodes/web-01/node.yaml", kHeader + "tuning:\n  floors:\n    net.core.somaxconn: 32768\n"}});
  ASSERT_TRUE(result.desired);
  const auto& wants = result.desired->sysctls;
  ASSERT_GT(wants.size(), 10U);
  EXPECT_EQ(wants[0].layer, "k3s");
  EXPECT_EQ(wants[0].rule.file, "k3s.conf");
  EXPECT_EQ(wants[0].rule.source, sysctl::Source::profile);
  const auto& file = wants[wants.size() - 3];
  EXPECT_EQ(file.rule.value, "100000");
  EXPECT_EQ(file.rule.source, sysctl::Source::file);
  const auto& own = wants[wants.size() - 2];
  EXPECT_EQ(own.rule.key, "vm/max_map_count");
  EXPECT_EQ(own.rule.source, sysctl::Source::floor);
  EXPECT_EQ(own.rule.bound, sysctl::Bound::atLeast);
  EXPECT_EQ(own.layer, "cluster");
  EXPECT_EQ(own.rule.line, 5);
  EXPECT_EQ(wants.back().layer, "nodes/web-01");
  EXPECT_EQ(wants.back().rule.file, "nodes/web-01/node.yaml");
  EXPECT_EQ(wants.back().rule.line, 5);
}

TEST(Tuning, WithoutAProfileThereIsNone) {
  const auto result = compiled({{"node.yaml", kHeader + "tuning: {profile: none}\n"}});
  ASSERT_TRUE(result.desired);
  EXPECT_THAT(result.desired->sysctls, IsEmpty());
}

struct HandedOver {
  std::vector<std::string> args, warnings;
};
HandedOver handOver(const std::string& tuning, const std::string& args, const std::string& sysctls = "") {
  const auto result = compiled({{"node.yaml", kHeader + "tuning: {conntrack: {" + tuning + "}}\n"},
                                {"k3s/config.yaml", "kube-proxy-arg: [" + args + "]\n"},
                                {"sysctl.d/a.conf", "vm.swappiness = 10\n" + sysctls}});
  EXPECT_TRUE(result.desired);
  return {result.desired ? result.desired->conntrackHandOver : std::vector<std::string>{}, texts(result.findings)};
}

TEST(ConntrackHandOver, SaysWhatGitDoesNotSayItself) {
  EXPECT_THAT(handOver("max: auto", "v=2").args, ElementsAre("conntrack-max-per-core=0"));
  EXPECT_THAT(handOver("buckets: 65536", "v=2").args, ElementsAre("conntrack-max-per-core=0"));
  EXPECT_THAT(handOver("", "v=2").args, IsEmpty());
  EXPECT_THAT(handOver("max: auto", "conntrack-min=5").args, IsEmpty());
  const std::string timeouts =
      "net.netfilter.nf_conntrack_tcp_timeout_established = 3600\n"
      "net.netfilter.nf_conntrack_tcp_timeout_close* = 60\n";
  EXPECT_THAT(handOver("max: auto", "--conntrack-max-per-core=0", timeouts).args,
              ElementsAre("conntrack-tcp-timeout-established=0s", "conntrack-tcp-timeout-close-wait=0s"));
  EXPECT_THAT(handOver("max: auto", "conntrack-tcp-timeout-established=1h", timeouts).args,
              ElementsAre("conntrack-max-per-core=0", "conntrack-tcp-timeout-close-wait=0s"));
}

TEST(ConntrackHandOver, WarnsWhereK3sIsToldToSetItAsWell) {
  EXPECT_THAT(handOver("max: auto", "conntrack-min=200000").warnings,
              ElementsAre(HasSubstr("node.yaml:3:22: warning: tuning.conntrack.max: kube-proxy-arg conntrack-min in")));
  EXPECT_THAT(handOver("max: auto", "conntrack-max-per-core=65536").warnings, ElementsAre(HasSubstr("-per-core in")));
  EXPECT_THAT(handOver("max: auto", "conntrack-max-per-core=0, conntrack-min=5").warnings, IsEmpty());
  EXPECT_THAT(handOver("max: auto", "v=2").warnings, IsEmpty());
  EXPECT_THAT(handOver("buckets: auto", "conntrack-min=200000").warnings, IsEmpty());
}

TEST(ConntrackHandOver, TellsTheAdviceThatK3sLeavesTheKeysAlone) {
  const std::string keys =
      "net.netfilter.nf_conntrack_max = 500000\nnet.netfilter.nf_conntrack_tcp_timeout_established = 3600\n";
  EXPECT_THAT(handOver("max: auto", "v=2", keys).warnings, IsEmpty());
  EXPECT_THAT(handOver("buckets: auto", "v=2", keys).warnings, IsEmpty());
  EXPECT_THAT(handOver("", "v=2", keys).warnings, testing::SizeIs(2));
  EXPECT_THAT(handOver("buckets: auto", "conntrack-min=200000", keys).warnings, testing::SizeIs(1));
}

}  // namespace
}  // namespace bedplate::cluster
