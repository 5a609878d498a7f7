#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/lib/temp_tree.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::sysctl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Resolve : public testing::Test {
 protected:
  Resolve() {
    for (const char* device : {"all", "default", "eth0", "eth0.5", "lo", "veth1"})
      for (const char* key : {"rp_filter", "log_martians"})
        tree_.write(std::string("proc/sys/net/ipv4/conf/") + device + "/" + key, "0\n");
    tree_.write("proc/sys/net/ipv4/conf/eth0/only_here", "0\n");
    tree_.write("proc/sys/vm/swappiness", "60\n");
  }

  // "key=value" for each want, "-" before tolerant ones.
  std::vector<std::string> ask(const std::string& text) {
    const Parsed parsed = parse(text, "f");
    EXPECT_THAT(parsed.problems, IsEmpty());
    Tree tree(tree_.files());
    const auto wants = resolve(parsed.rules, tree);
    EXPECT_TRUE(wants);
    std::vector<std::string> shown;
    for (const Want& want : wants.value_or(std::vector<Want>{})) {
      EXPECT_LT(want.rule, parsed.rules.size());
      shown.push_back((want.tolerant ? "-" : "") + dotted(want.key) + "=" + want.value + "@" +
                      std::to_string(parsed.rules[want.rule].line));
    }
    return shown;
  }

  testlib::TempTree tree_;
};

TEST_F(Resolve, LaterWinsInEitherSpelling) {
  EXPECT_THAT(ask("vm.swappiness=1\nvm/swappiness=2\n"), ElementsAre("vm.swappiness=2@2"));
}

TEST_F(Resolve, AKeyThatIsNotThereIsAskedForAllTheSame) {
  EXPECT_THAT(ask("net.netfilter.nf_conntrack_max=1"), ElementsAre("net.netfilter.nf_conntrack_max=1@1"));
}

TEST_F(Resolve, AGlobMeansWhatIsThere) {
  EXPECT_THAT(ask("net.ipv4.conf.eth*.rp_filter=1"),
              ElementsAre("net.ipv4.conf.eth0/5.rp_filter=1@1", "net.ipv4.conf.eth0.rp_filter=1@1"));
  EXPECT_THAT(ask("net.ipv4.conf.*.only_here=1"), ElementsAre("net.ipv4.conf.eth0.only_here=1@1"));
  EXPECT_THAT(ask("net.ipv6.conf.*.forwarding=1"), IsEmpty());
  EXPECT_THAT(ask("net.ipv4.con?=1"), IsEmpty()) << "a directory is no key";
}

TEST_F(Resolve, AnExplicitKeyBeatsAGlobWhereverItStands) {
  EXPECT_THAT(ask("net.ipv4.conf.veth1.rp_filter=2\nnet.ipv4.conf.v*.rp_filter=1"),
              ElementsAre("net.ipv4.conf.veth1.rp_filter=2@1"));
}

TEST_F(Resolve, ALaterGlobBeatsAnEarlierOne) {
  EXPECT_THAT(ask("net.ipv4.conf.l*.rp_filter=2\nnet.ipv4.conf.lo*.rp_filter=1"),
              ElementsAre("net.ipv4.conf.lo.rp_filter=1@2"));
  EXPECT_THAT(ask("net.ipv4.conf.l*.rp_filter=2\nnet.ipv4.conf.lo*.rp_filter=1\nnet.ipv4.conf.l*.rp_filter=2"),
              ElementsAre("net.ipv4.conf.lo.rp_filter=2@3"));
}

TEST_F(Resolve, AnExclusionKeepsGlobsOffAKey) {
  EXPECT_THAT(ask("net.ipv4.conf.e*.rp_filter=1\n-net.ipv4.conf.eth0.rp_filter"),
              ElementsAre("net.ipv4.conf.eth0/5.rp_filter=1@1"));
}

TEST_F(Resolve, AnExclusionAndAnAssignmentOfOneKeyTheLaterWins) {
  EXPECT_THAT(ask("vm.swappiness=1\n-vm.swappiness"), IsEmpty());
  EXPECT_THAT(ask("-vm.swappiness\nvm.swappiness=1"), ElementsAre("vm.swappiness=1@2"));
}

TEST_F(Resolve, AnExcludedGlobTakesBackThatGlobOnly) {
  EXPECT_THAT(ask("net.ipv4.conf.l*.rp_filter=1\n-net.ipv4.conf.l*.rp_filter"), IsEmpty());
  EXPECT_THAT(ask("net.ipv4.conf.lo*.rp_filter=1\n-net.ipv4.conf.l*.rp_filter"),
              ElementsAre("net.ipv4.conf.lo.rp_filter=1@1"));
}

TEST_F(Resolve, ToleranceAddsUpOverARepeatedValueOnly) {
  EXPECT_THAT(ask("-vm.swappiness=1\nvm.swappiness=1"), ElementsAre("-vm.swappiness=1@2"));
  EXPECT_THAT(ask("-vm.swappiness=1\nvm.swappiness=2"), ElementsAre("vm.swappiness=2@2"));
  EXPECT_THAT(ask("-net.ipv4.conf.lo*.rp_filter=1"), ElementsAre("-net.ipv4.conf.lo.rp_filter=1@1"));
}

TEST_F(Resolve, IsInKeyOrder) {
  EXPECT_THAT(ask("vm.swappiness=1\nfs.file-max=2\nnet.ipv4.conf.lo.rp_filter=3"),
              ElementsAre("fs.file-max=2@2", "net.ipv4.conf.lo.rp_filter=3@3", "vm.swappiness=1@1"));
}

}  // namespace
}  // namespace bedplate::sysctl
