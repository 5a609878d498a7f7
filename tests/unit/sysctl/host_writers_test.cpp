// Files of other programs on a host that set kernel keys.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/lib/temp_tree.h"
#include "tuning/sysctl/writers.h"

namespace bedplate::sysctl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> shown(const std::vector<const FoundRule*>& rules) {
  std::vector<std::string> lines;
  for (const auto* one : rules)
    lines.push_back(one->rule.file + ":" + std::to_string(one->rule.line) + " " + one->rule.value +
                    (one->who.empty() ? "" : " " + one->who) + (one->lastAtBoot ? " last" : ""));
  return lines;
}

class HostWritersTest : public testing::Test {
 protected:
  std::vector<std::string> of(const std::string& key) { return shown(setting(hostWriters(tree_.files()), key)); }

  testlib::TempTree tree_;
};

TEST_F(HostWritersTest, NothingThere) {
  const auto host = hostWriters(tree_.files());
  EXPECT_THAT(host.rules, IsEmpty());
  EXPECT_THAT(host.unreadable, IsEmpty());
  EXPECT_THAT(host.present, IsEmpty());
}

TEST_F(HostWritersTest, FilesInTheOrderOfSystemdAndOursLeftOut) {
  tree_.write("usr/lib/sysctl.d/50-default.conf", "vm.swappiness = 1\n");
  tree_.write("usr/lib/sysctl.d/10-x.conf", "vm.swappiness = 2\n");
  tree_.write("run/sysctl.d/10-x.conf", "# other\n\nvm/swappiness=3\n");
  tree_.write("etc/sysctl.d/99-zz-bedplate.conf", "vm.swappiness = 4\n");
  tree_.write("etc/sysctl.d/99-zz-bedplate.conf.bak", "vm.swappiness = 5\n");
  tree_.write("etc/sysctl.d/zz-last.conf", "vm.swappiness = 6\n");
  EXPECT_THAT(of("vm/swappiness"), ElementsAre("run/sysctl.d/10-x.conf:3 3", "usr/lib/sysctl.d/50-default.conf:1 1",
                                               "etc/sysctl.d/zz-last.conf:1 6 last"));
  EXPECT_THAT(of("vm/swappines"), IsEmpty());
}

TEST_F(HostWritersTest, CiliumsFileWithItsGlobs) {
  tree_.write("etc/sysctl.d/99-zzz-override_cilium.conf",
              "-net.ipv4.conf.lxc*.rp_filter = 0\nnet.ipv4.conf.all.rp_filter = 0\n-net.ipv4.conf.eth0.rp_filter\n");
  EXPECT_THAT(of("net/ipv4/conf/lxc12/rp_filter"),
              ElementsAre("etc/sysctl.d/99-zzz-override_cilium.conf:1 0 Cilium last"));
  EXPECT_THAT(of("net/ipv4/conf/all/rp_filter"),
              ElementsAre("etc/sysctl.d/99-zzz-override_cilium.conf:2 0 Cilium last"));
  EXPECT_THAT(of("net/ipv4/conf/eth0/rp_filter"), IsEmpty());
}

TEST_F(HostWritersTest, SysctlConfOnceAlsoWhenDebianLinksIt) {
  tree_.write("etc/sysctl.conf", "vm.swappiness = 9\n");
  EXPECT_THAT(of("vm/swappiness"), ElementsAre("etc/sysctl.conf:1 9"));
  tree_.write("etc/sysctl.d/README", "");
  ASSERT_EQ(::symlink("../sysctl.conf", (tree_.path() + "/etc/sysctl.d/99-sysctl.conf").c_str()), 0);
  EXPECT_THAT(of("vm/swappiness"), ElementsAre("etc/sysctl.d/99-sysctl.conf:1 9"));
}

TEST_F(HostWritersTest, ALinkToTheNullDeviceMasks) {
  tree_.write("usr/lib/sysctl.d/50-default.conf", "vm.swappiness = 1\n");
  tree_.write("etc/sysctl.d/README", "");
  ASSERT_EQ(::symlink("/dev/null", (tree_.path() + "/etc/sysctl.d/50-default.conf").c_str()), 0);
  const auto host = hostWriters(tree_.files());
  EXPECT_THAT(host.rules, IsEmpty());
  EXPECT_THAT(host.unreadable, IsEmpty());
}

TEST_F(HostWritersTest, WhatCannotBeTakenIsNamedAndTheRestTaken) {
  tree_.write("etc/sysctl.d/10-bad.conf", "garbage\nvm.swappiness = 1\n");
  tree_.write("etc/sysctl.d/20-huge.conf", std::string(2 << 20, '#'));
  const auto host = hostWriters(tree_.files());
  EXPECT_THAT(shown(setting(host, "vm/swappiness")), ElementsAre("etc/sysctl.d/10-bad.conf:2 1"));
  EXPECT_THAT(host.unreadable, ElementsAre("etc/sysctl.d/10-bad.conf", "etc/sysctl.d/20-huge.conf"));
}

TEST_F(HostWritersTest, UfwOnlyWhenItIsOn) {
  tree_.write("etc/ufw/sysctl.conf", "net/ipv4/conf/all/log_martians=0\n");
  tree_.write("etc/ufw/ufw.conf", "ENABLED=no\n");
  EXPECT_THAT(of("net/ipv4/conf/all/log_martians"), IsEmpty());
  tree_.write("etc/ufw/ufw.conf", "ENABLED=yes\n");
  EXPECT_THAT(of("net/ipv4/conf/all/log_martians"), ElementsAre("etc/ufw/sysctl.conf:1 0 ufw"));
  tree_.write("etc/default/ufw", "IPV6=yes\nIPT_SYSCTL=\"/etc/other.conf\"\n");
  tree_.write("etc/other.conf", "net.ipv4.conf.all.log_martians = 1\n");
  EXPECT_THAT(of("net/ipv4/conf/all/log_martians"), ElementsAre("etc/other.conf:1 1 ufw"));
  EXPECT_THAT(hostWriters(tree_.files()).present, ElementsAre("ufw"));
}

TEST_F(HostWritersTest, TunedWithWhatItsProfileIncludes) {
  tree_.write("etc/tuned/active_profile", "virtual-guest\n");
  tree_.write("usr/lib/tuned/virtual-guest/tuned.conf",
              "[main]\ninclude=throughput-performance\n[sysctl]\nvm.swappiness = 30\n[vm]\nvm.swappiness = 1\n");
  tree_.write("usr/lib/tuned/profiles/throughput-performance/tuned.conf",
              "[main]\ninclude=throughput-performance\n[sysctl]\nvm.swappiness=10\nnet.core.somaxconn=>2048\n");
  EXPECT_THAT(of("vm/swappiness"), testing::Contains("usr/lib/tuned/virtual-guest/tuned.conf:4 30 TuneD").Times(1));
  EXPECT_THAT(of("net/core/somaxconn"),
              testing::Contains("usr/lib/tuned/profiles/throughput-performance/tuned.conf:5 >2048 TuneD"));
  EXPECT_LT(hostWriters(tree_.files()).rules.size(), 100U);  // a circle ends
  EXPECT_THAT(setting(hostWriters(tree_.files()), "vm/swappiness").back()->when,
              testing::HasSubstr("then writes sysctl.d over it"));
  tree_.write("etc/tuned/tuned-main.conf", "daemon = 1\nreapply_sysctl = 0\n");
  EXPECT_THAT(setting(hostWriters(tree_.files()), "vm/swappiness").back()->when,
              testing::HasSubstr("reapply_sysctl=0"));
}

TEST_F(HostWritersTest, ATunedProfileIsAName) {
  tree_.write("etc/tuned/active_profile", "../../secret .hidden a/b\n");
  tree_.write("secret/tuned.conf", "[sysctl]\nvm.swappiness=1\n");
  EXPECT_THAT(of("vm/swappiness"), IsEmpty());
}

TEST(Assignments, OfOneSection) {
  const auto found = assignments("a=0\n[x]\n# c\n a = 'b c' \nnothing\n=1\n[y]\na=2\n[x]\nd=\"\n", "x");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].line, 4);
  EXPECT_EQ(found[0].key, "a");
  EXPECT_EQ(found[0].value, "b c");
  EXPECT_EQ(found[1].line, 10);
  EXPECT_EQ(found[1].value, "\"");
}

}  // namespace
}  // namespace bedplate::sysctl
