// What is said beforehand of kernel values: who writes over them, which hurt, which are overruled.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/cluster/k3s_arguments.h"
#include "agent/cluster/node_keys.h"
#include "tests/unit/cluster/snapshots.h"

namespace bedplate::cluster {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

const std::string kConntrack =
    "sysctl.d/a.conf:1: warning: net.netfilter.nf_conntrack_max: K3s sets it to max(131072, 32768 per core) at each "
    "start: set tuning.conntrack.max in node.yaml, or kube-proxy-arg conntrack-max-per-core=0: both hand the key to "
    "Bedplate";
const std::string kWants = "net.netfilter.nf_conntrack_max = 500000\n";
const std::string kHeader = "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\n";

std::vector<std::string> said(const std::string& sysctl, const std::string& k3s = "") {
  std::vector<std::pair<std::string, std::string>> files = {{"sysctl.d/a.conf", sysctl}};
  if (!k3s.empty()) files.emplace_back("k3s/config.yaml", k3s);
  return texts(compiled(files).findings);
}

TEST(Advice, ConntrackUnlessK3sIsToldOrGitSizesIt) {
  EXPECT_THAT(said(kWants), ElementsAre(kConntrack));
  EXPECT_THAT(said("net.netfilter.nf_conntrack_max = 131072\n"), IsEmpty());
  EXPECT_THAT(said(kWants, "kube-proxy-arg: [conntrack-max-per-core=0]\n"), IsEmpty());
  EXPECT_THAT(said(kWants, "kube-proxy-arg: conntrack-min=500000\n"), IsEmpty());
  EXPECT_THAT(said(kWants, "kube-proxy-arg: [conntrack-min=400000, conntrack-max-per-core=65536]\n"),
              ElementsAre(testing::HasSubstr("sets it to max(400000, 65536 per core) at each start")));
  if (!isActive("tuning.conntrack.max")) return;
  const auto sized =
      compiled({{"sysctl.d/a.conf", kWants}, {"node.yaml", kHeader + "tuning: {conntrack: {max: auto}}\n"}});
  for (const auto& text : texts(sized.findings)) EXPECT_THAT(text, testing::Not(testing::HasSubstr("K3s sets")));
}

TEST(Advice, ADropInReplacesOrAdds) {
  const auto with = [](const std::string& dropIn) {
    return texts(compiled({{"sysctl.d/a.conf", kWants},
                           {"k3s/config.yaml", "kube-proxy-arg: [conntrack-max-per-core=0]\n"},
                           {"k3s/config.yaml.d/50-x.yaml", dropIn}})
                     .findings);
  };
  EXPECT_THAT(with("kube-proxy-arg: [v=2]\n"), ElementsAre(kConntrack));
  EXPECT_THAT(with("kube-proxy-arg+: [v=2]\n"), IsEmpty());
}

TEST(Advice, TimeoutsAsGoWritesThem) {
  const std::string key = "net.netfilter.nf_conntrack_tcp_timeout_established = 3600\n";
  EXPECT_THAT(said(key), ElementsAre(StartsWith("sysctl.d/a.conf:1: warning: " + key.substr(0, key.find(' ')) +
                                                ": K3s sets it to 86400 at each start")));
  for (const char* same : {"1h", "60m0s", "0h60m", "0s", "0"})
    EXPECT_THAT(said(key, std::string("kube-proxy-arg: [conntrack-tcp-timeout-established=") + same + "]\n"),
                IsEmpty());
  for (const char* other : {"2h", "x", "1", "99999999999999999999h"})
    EXPECT_EQ(said(key, std::string("kube-proxy-arg: [conntrack-tcp-timeout-established=") + other + "]\n").size(), 1u)
        << other;
}

TEST(Advice, TheKubeletWritesOverOrDoesNotStart) {
  const std::string key = "kernel.panic = 60\n";
  EXPECT_THAT(said(key), ElementsAre(StartsWith("sysctl.d/a.conf:1: warning: kernel.panic: kubelet sets it to 10")));
  EXPECT_TRUE(compiled({{"sysctl.d/a.conf", key}}).desired);
  const std::string all = key + "vm.overcommit_memory = 1\nkernel.panic_on_oops = 1\n";
  for (const char* on : {"protect-kernel-defaults: true\n", "kubelet-arg: [protect-kernel-defaults=true]\n",
                         "protect-kernel-defaults: false\nkubelet-arg: [--protect-kernel-defaults]\n"}) {
    EXPECT_THAT(said(all, on), ElementsAre("sysctl.d/a.conf:1: error: kernel.panic = 60: K3s would not start: with "
                                           "protect-kernel-defaults its kubelet accepts only 10"))
        << on;
  }
  EXPECT_THAT(said(key, "protect-kernel-defaults: false\n"), ElementsAre(testing::HasSubstr("warning: kernel.panic")));
}

TEST(Advice, ProtectKernelDefaultsNeedsThemSet) {
  EXPECT_THAT(
      said("kernel.panic = 10\n", "protect-kernel-defaults: true\n"),
      ElementsAre("k3s/config.yaml: warning: with protect-kernel-defaults the kubelet does not start where the "
                  "kernel's own values stand: set vm.overcommit_memory = 1, kernel.panic_on_oops = 1 in sysctl.d"));
}

TEST(Advice, HazardsHaveAPlace) {
  EXPECT_THAT(said("# x\nvm.max_map_count = 1000\n"),
              ElementsAre("sysctl.d/a.conf:2: warning: vm.max_map_count = 1000 is below the kernel's 65530"));
  // What a later layer sets right hurts nobody, and who is overruled is a note.
  EXPECT_THAT(texts(compiled({{"sysctl.d/a.conf", "vm.max_map_count = 1000\n"},
                              {"nodes/web-01/sysctl.d/b.conf", "vm.max_map_count = 262144\n"}})
                        .findings),
              ElementsAre("nodes/web-01/sysctl.d/b.conf:1: note: vm.max_map_count is '262144' here and '1000' in "
                          "sysctl.d/a.conf:1; the later layer wins"));
  EXPECT_THAT(said("-net.ipv4.conf.eth0.rp_filter\nvm.swappiness = 1\n"), IsEmpty());
}

TEST(Advice, WhatIsOverwrittenIsKeptForThePlan) {
  const auto result = compiled({{"sysctl.d/a.conf", kWants}});
  ASSERT_TRUE(result.desired);
  EXPECT_THAT(result.desired->overwritten,
              ElementsAre(testing::Pair("net/netfilter/nf_conntrack_max",
                                        "K3s sets it to max(131072, 32768 per core) at each start")));
}

TEST(K3sArguments, NumbersBeyondReasonDoNotOverflow) {
  const auto numbers = conntrackNumbers(k3sArguments(
      {"kube-proxy-arg: [conntrack-min=9223372036854775807, conntrack-max-per-core=9223372036854775807]\n"}));
  EXPECT_LE(numbers.perCore, 1'000'000'000);
  EXPECT_THAT(k3sArguments({"- a\n", "x: &a 1\n", ""}).kubeProxy, IsEmpty());
}

}  // namespace
}  // namespace bedplate::cluster
