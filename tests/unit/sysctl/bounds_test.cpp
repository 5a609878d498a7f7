// What bounds do, in tables: profile < sizing < sysctl.d < floors, never below what was there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/lib/temp_tree.h"
#include "tuning/sysctl/sysctl.h"
#include "tuning/sysctl/values.h"

namespace bedplate::sysctl {
namespace {

using testing::HasSubstr;

constexpr const char* kKey = "net/core/somaxconn";

Rule rule(Source source, Bound bound, const std::string& value) {
  Rule made;
  made.key = kKey;
  made.value = value;
  made.source = source;
  made.bound = bound;
  return made;
}
Rule profile(const std::string& value) { return rule(Source::profile, Bound::atLeast, value); }
Rule profileExact(const std::string& value) { return rule(Source::profile, Bound::exact, value); }
Rule sizing(const std::string& value) { return rule(Source::sizing, Bound::atLeast, value); }
Rule nearly(const std::string& value) { return rule(Source::sizing, Bound::about, value); }
Rule file(const std::string& value) { return rule(Source::file, Bound::exact, value); }
Rule floorOf(const std::string& value) { return rule(Source::floor, Bound::atLeast, value); }
Rule excluded() {
  Rule made = rule(Source::file, Bound::exact, "");
  made.excluded = true;
  return made;
}

struct Case {
  const char* what;
  std::vector<Rule> rules;
  const char* now;       // "" when the key is not there
  const char* original;  // "" when it is not held
  const char* value;     // wanted; "" for no want at all
  std::size_t decided;
  Bound bound;
  bool fromBase = false;
};

class Bounds : public testing::Test {
 protected:
  std::vector<Want> ask(const std::vector<Rule>& rules, const std::string& now, const std::string& original) {
    const std::string path = std::string("proc/sys/") + kKey;
    if (now.empty())
      tree_.remove(path);
    else
      tree_.write(path, now + "\n");
    Tree tree(tree_.files());
    const auto wants = resolve(rules, tree, [&](const std::string& key) {
      EXPECT_EQ(key, kKey);
      return original.empty() ? std::nullopt : std::optional(original);
    });
    EXPECT_TRUE(wants);
    return wants.value_or(std::vector<Want>{});
  }
  testlib::TempTree tree_;
};

TEST_F(Bounds, InATable) {
  using enum Bound;
  const std::vector<Case> cases = {
      {"raises", {profile("32768")}, "4096", "", "32768", 0, atLeast},
      {"does not lower", {profile("32768")}, "65535", "", "65535", 0, atLeast, true},
      {"the base is the original, not what we made of it",
       {profile("1000")},
       "32768",
       "4096",
       "4096",
       0,
       atLeast,
       true},
      {"a key that is not there yet", {profile("32768")}, "", "", "32768", 0, atLeast},
      {"that was there before", {profile("32768")}, "", "65535", "65535", 0, atLeast, true},
      {"equal is not raised", {profile("4096")}, "4096", "", "4096", 0, atLeast},
      {"sizing over the profile", {profile("10"), sizing("20")}, "5", "", "20", 1, atLeast},
      {"the profile stands where sizing gives less", {profile("20"), sizing("10")}, "5", "", "20", 0, atLeast},
      {"the base stands above both", {profile("20"), sizing("10")}, "50", "", "50", 0, atLeast, true},
      {"an integer of node.yaml replaces the profile",
       {profile("20"), rule(Source::sizing, exact, "10")},
       "50",
       "",
       "10",
       1,
       exact},
      {"sysctl.d replaces all, downwards too", {profile("20"), sizing("30"), file("7")}, "50", "", "7", 2, exact},
      {"whatever the order", {file("7"), sizing("30"), profile("20")}, "50", "", "7", 0, exact},
      {"the later file", {file("7"), file("8")}, "50", "", "8", 1, exact},
      {"floors come last", {file("7"), floorOf("9")}, "50", "", "9", 1, exact},
      {"and stand below what is asked", {file("70"), floorOf("9")}, "50", "", "70", 0, exact},
      {"a floor alone", {floorOf("9")}, "5", "", "9", 0, atLeast},
      {"a floor alone that is met", {floorOf("9")}, "50", "", "50", 0, atLeast, true},
      {"a floor over an exact value of the profile", {profileExact("1"), floorOf("9")}, "50", "", "9", 1, exact},
      {"the later layer's floor", {floorOf("9"), floorOf("3")}, "1", "", "3", 1, atLeast},
      {"an exclusion takes back what is weaker", {profile("20"), sizing("30"), excluded()}, "50", "", "", 0, exact},
      {"not the floor", {profile("20"), excluded(), floorOf("9")}, "5", "", "9", 2, atLeast},
      {"about: near enough", {nearly("100")}, "50", "20", "50", 0, Bound::about, true},
      {"about: below half", {nearly("100")}, "49", "20", "100", 0, Bound::about},
      {"about: never shrinks", {nearly("100")}, "900", "20", "900", 0, Bound::about, true},
      {"about: not there yet", {nearly("100")}, "", "", "100", 0, Bound::about},
      {"about, and sysctl.d", {nearly("100"), file("64")}, "900", "", "64", 1, exact},
      {"about, and a floor that raises", {nearly("100"), floorOf("200")}, "60", "", "200", 1, atLeast},
      {"about, and a floor that is met", {nearly("100"), floorOf("50")}, "60", "", "60", 0, Bound::about, true},
      {"unsigned longs", {floorOf("1")}, "18446744073692774399", "", "18446744073692774399", 0, atLeast, true},
      {"negative values", {floorOf("0")}, "-1", "", "0", 0, atLeast},
      {"an octal number is no decimal one", {file("010"), floorOf("9")}, "1", "", "9", 1, exact},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    const auto wants = ask(one.rules, one.now, one.original);
    if (*one.value == '\0') {
      EXPECT_TRUE(wants.empty());
      EXPECT_FALSE(asks(one.rules, kKey));
      continue;
    }
    ASSERT_EQ(wants.size(), 1U);
    EXPECT_TRUE(asks(one.rules, kKey));
    EXPECT_EQ(wants[0].value, one.value);
    EXPECT_EQ(wants[0].rule, one.decided);
    EXPECT_EQ(wants[0].bound, one.bound);
    EXPECT_EQ(wants[0].fromBase, one.fromBase);
    EXPECT_EQ(wants[0].problem, "");
  }
}

TEST_F(Bounds, OfWhatIsNoIntegerAreAProblem) {
  for (const auto& [rules, now] : std::initializer_list<std::pair<std::vector<Rule>, const char*>>{
           {{floorOf("9")}, "4096 131072 6291456"},
           {{floorOf("9")}, "cubic"},
           {{file("4096 131072 6291456"), floorOf("9")}, "1"},
           {{nearly("9")}, "4096 131072"},
           {{floorOf("99999999999999999999")}, "1"}}) {
    const auto wants = ask(rules, now, "");
    ASSERT_EQ(wants.size(), 1U);
    EXPECT_THAT(wants[0].problem, HasSubstr("not one integer"));
    EXPECT_FALSE(meets(wants[0], now)) << "it must be reported";
  }
  EXPECT_EQ(ask({profile("cubic"), file("reno"), floorOf("1")}, "1", "")[0].rule, 2U) << "the floor is to blame";
  EXPECT_EQ(ask({profile("x"), file("7")}, "1", "")[0].problem, "") << "sysctl.d replaces it";
}

TEST_F(Bounds, AToleratedKeyIsNotOnceAFloorAsksForIt) {
  Rule tolerated = file("7");
  tolerated.tolerant = true;
  EXPECT_TRUE(ask({tolerated}, "1", "")[0].tolerant);
  EXPECT_FALSE(ask({tolerated, floorOf("3")}, "1", "")[0].tolerant);
}

TEST_F(Bounds, AGlobOfAStrongerSourceBeatsAKeyOfAWeakerOne) {
  for (const char* device : {"lo", "eth0"})
    tree_.write(std::string("proc/sys/net/ipv4/conf/") + device + "/rp_filter", "0\n");
  Rule own = profileExact("1"), glob = file("2"), least = floorOf("1");
  own.key = least.key = "net/ipv4/conf/lo/rp_filter";
  glob.key = "net/ipv4/conf/*/rp_filter";
  Tree tree(tree_.files());
  const auto wants = resolve({own, glob, least}, tree);
  ASSERT_TRUE(wants);
  ASSERT_EQ(wants->size(), 2U);
  EXPECT_EQ((*wants)[1].key, own.key);
  EXPECT_EQ((*wants)[1].value, "2");
  EXPECT_EQ((*wants)[1].rule, 1U);
}

TEST(Asks, AlsoForWhatIsNotThere) {
  const auto rules = parse(
                         "net.ipv4.conf.veth*.rp_filter=1\n-net.ipv4.conf.veth1.rp_filter\nvm.swappiness=1\n"
                         "net.ipv4.conf.e*.rp_filter=1\n-net.ipv4.conf.e*.rp_filter\nvm.a=1\n-vm.a\n",
                         "f")
                         .rules;
  EXPECT_TRUE(asks(rules, "net/ipv4/conf/veth9/rp_filter"));
  EXPECT_FALSE(asks(rules, "net/ipv4/conf/veth1/rp_filter"));
  EXPECT_FALSE(asks(rules, "net/ipv4/conf/eth0/rp_filter"));
  EXPECT_TRUE(asks(rules, "vm/swappiness"));
  EXPECT_FALSE(asks(rules, "vm/a"));
  EXPECT_FALSE(asks(rules, "vm/b"));
}

TEST(Meets, WithinItsBound) {
  const auto want = [](Bound bound, const char* value) { return Want{kKey, value, false, 0, bound}; };
  EXPECT_TRUE(meets(want(Bound::exact, "5"), "5"));
  EXPECT_FALSE(meets(want(Bound::exact, "5"), "6"));
  EXPECT_TRUE(meets(want(Bound::atLeast, "5"), "6"));
  EXPECT_FALSE(meets(want(Bound::atLeast, "5"), "4"));
  EXPECT_TRUE(meets(want(Bound::about, "100"), "50"));
  EXPECT_FALSE(meets(want(Bound::about, "100"), "49"));
  EXPECT_TRUE(meets(want(Bound::about, "100"), "18446744073709551615"));
  EXPECT_FALSE(meets(want(Bound::atLeast, "5"), "cubic"));
}

TEST(Same, AsTheKernelReadsAndShowsIt) {
  EXPECT_TRUE(same("vm/swappiness", "0x10", "16"));
  EXPECT_TRUE(same("vm/swappiness", "010", "8"));
  EXPECT_FALSE(same("vm/swappiness", "10", "16"));
  EXPECT_TRUE(same("net/ipv4/tcp_rmem", "0x1000 4096 8", "4096 4096 8"));
  EXPECT_FALSE(same("net/ipv4/tcp_rmem", "4096 4096", "4096 4096 8"));
  EXPECT_FALSE(same("net/ipv4/tcp_rmem", "4096 4096 8", "4096 4096"));
  EXPECT_FALSE(same("net/ipv4/tcp_congestion_control", "bbr", "cubic"));
  EXPECT_FALSE(same("net/ipv4/tcp_rmem", "", "1"));
  EXPECT_TRUE(same("net/ipv4/ip_local_reserved_ports", "8082,8080-8081", "8080-8082"));
  EXPECT_FALSE(same("net/ipv4/ip_local_reserved_ports", "8082,8080", "8080-8082"));
  EXPECT_FALSE(same("net/ipv4/other", "8082,8080-8081", "8080-8082"));
  EXPECT_TRUE(same("net/netfilter/nf_conntrack_buckets", "262144", "262144"));
  EXPECT_FALSE(same("net/netfilter/nf_conntrack_buckets", "100000", "100000000"));
  EXPECT_FALSE(same("net/netfilter/nf_conntrack_max", "100000", "100352"));
}

TEST(Same, BucketsAreRoundedUpToWholePages) {
  EXPECT_EQ(wholePages(100000, 4096), 100352U);
  EXPECT_EQ(wholePages(100352, 4096), 100352U);
  EXPECT_EQ(wholePages(1, 4096), 512U);
  EXPECT_EQ(wholePages(100000, 65536), 106496U);
  EXPECT_EQ(wholePages(~0ULL, 4096), ~0ULL);
}

TEST(Same, PortsAreSortedAndJoined) {
  for (const auto& [text, shown] :
       std::initializer_list<std::pair<const char*, const char*>>{{"", ""},
                                                                  {"1", "1"},
                                                                  {"3,1", "1,3"},
                                                                  {"1,2", "1-2"},
                                                                  {"5-9,1-4", "1-9"},
                                                                  {"1-10,2-3", "1-10"},
                                                                  {"1,2-4,10-10", "1-4,10"},
                                                                  {"30000-32767,6443", "6443,30000-32767"}})
    EXPECT_EQ(portRanges(text), shown) << text;
  for (const char* text : {"x", "-1", "2-1", "65536", "1,,2", "1 2"}) EXPECT_FALSE(portRanges(text)) << text;
}

}  // namespace
}  // namespace bedplate::sysctl
