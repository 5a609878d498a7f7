// Bounds through the whole of an application: what is held, what is drift, what the boot files say.
#include <gmock/gmock.h>

#include "tests/unit/apply/keeper_fixture.h"

namespace bedplate::apply::testing_node {
namespace {

using sysctl::Bound;
using sysctl::Source;
using testing::HasSubstr;
using testing::Not;

class Bounds : public KeeperTest {
 protected:
  static TargetBuilder& bound(TargetBuilder& builder, const std::string& key, const std::string& value,
                              Bound bound = Bound::atLeast, Source source = Source::floor) {
    builder.sysctl(key, value);
    builder.target.sysctls.back().rule.bound = bound;
    builder.target.sysctls.back().rule.source = source;
    return builder;
  }
  static plan::Target floorOf(const std::string& key, const std::string& value) {
    TargetBuilder builder("floor " + key + value);
    return bound(builder, key, value).target;
  }
};

TEST_F(Bounds, AFloorRaisesAndIsWrittenForTheBootAsAPlainValue) {
  const auto result = apply(floorOf("net/core/somaxconn", "32768"));
  EXPECT_FALSE(result.failed());
  EXPECT_EQ(value("net/core/somaxconn"), "32768");
  EXPECT_THAT(bootText(), HasSubstr("\nnet.core.somaxconn = 32768\n"));
  EXPECT_EQ(result.outcomes.at(0).change.origin, "floors cluster sysctl.d/a.conf:1");
}

TEST_F(Bounds, AFloorThatIsMetChangesNothingAndIsHeldAllTheSame) {
  apply(floorOf("net/core/somaxconn", "1000"));
  EXPECT_EQ(value("net/core/somaxconn"), "4096");
  EXPECT_THAT(bootText(), HasSubstr("\nnet.core.somaxconn = 4096\n"));
  poke("net/core/somaxconn", "128");
  repair();
  EXPECT_EQ(value("net/core/somaxconn"), "4096") << "lowered below what was there: put back";
  EXPECT_EQ(driftCount(), 1);
}

TEST_F(Bounds, MoreThanAFloorIsNoDrift) {
  apply(floorOf("net/core/somaxconn", "32768"));
  poke("net/core/somaxconn", "65535");
  EXPECT_TRUE(repair().outcomes.empty());
  EXPECT_EQ(value("net/core/somaxconn"), "65535") << "raise, never lower";
  EXPECT_EQ(driftCount(), 0);
  EXPECT_THAT(bootText(), HasSubstr("\nnet.core.somaxconn = 32768\n"));
}

TEST_F(Bounds, TheOriginalStaysTheBaseWhileItIsHeld) {
  apply(floorOf("net/core/somaxconn", "32768"));
  apply(floorOf("net/core/somaxconn", "16384"));
  poke("net/core/somaxconn", "100");
  repair();
  EXPECT_EQ(value("net/core/somaxconn"), "16384") << "not what an earlier floor had made of it";
  apply(TargetBuilder("none").sysctl("vm/swappiness", "1").target);
  EXPECT_EQ(value("net/core/somaxconn"), "4096");
}

TEST_F(Bounds, TheStrongerSourceHasTheLineInTheBootFile) {
  TargetBuilder builder("all");
  bound(builder, "net/core/somaxconn", "8192", Bound::atLeast, Source::profile);
  bound(builder, "vm/max_map_count", "262144", Bound::atLeast, Source::profile);
  builder.sysctl("net/core/somaxconn", "1024").sysctl("net/ipv4/conf/*/rp_filter", "1");
  bound(builder, "net/ipv4/conf/eth0/rp_filter", "2");
  EXPECT_FALSE(apply(builder.target).failed());
  EXPECT_EQ(value("net/core/somaxconn"), "1024");
  EXPECT_EQ(value("net/ipv4/conf/all/rp_filter"), "1");
  EXPECT_EQ(value("net/ipv4/conf/eth0/rp_filter"), "2");
  EXPECT_THAT(bootText(), Not(HasSubstr("8192")));
  EXPECT_THAT(bootText(), HasSubstr("vm.max_map_count = 262144\n"));
  const auto before = view(tree);
  reboot("boot-2");
  EXPECT_EQ(view(tree), before) << "systemd alone makes the same of it";
}

TEST_F(Bounds, WhatIsExcludedLeavesTheBootFileToo) {
  TargetBuilder builder("profile");
  bound(builder, "vm/max_map_count", "262144", Bound::atLeast, Source::profile).sysctl("vm/swappiness", "1");
  apply(builder.target);
  EXPECT_THAT(bootText(), HasSubstr("max_map_count"));
  builder.sysctl("vm/max_map_count", "");
  builder.target.sysctls.back().rule.excluded = true;
  apply(builder.target);
  EXPECT_THAT(bootText(), Not(HasSubstr("max_map_count")));
  EXPECT_EQ(value("vm/max_map_count"), "65530") << "given back";
}

TEST_F(Bounds, AFloorOfWhatIsNoIntegerFailsThatKeyAlone) {
  poke("net/core/somaxconn", "4096 8192");
  TargetBuilder builder("odd");
  bound(builder, "net/core/somaxconn", "32768").sysctl("vm/swappiness", "1");
  const auto result = apply(builder.target);
  EXPECT_TRUE(result.failed());
  EXPECT_EQ(value("vm/swappiness"), "1");
  EXPECT_EQ(value("net/core/somaxconn"), "4096 8192");
  for (const auto& outcome : result.outcomes) {
    if (outcome.change.subject == "net/core/somaxconn") {
      ASSERT_TRUE(outcome.error);
      EXPECT_THAT(outcome.error->text(), HasSubstr("not one integer"));
    }
  }
  EXPECT_THAT(bootText(), Not(HasSubstr("somaxconn = ")));
}

TEST_F(Bounds, AboutLeavesWhatIsNearEnough) {
  const auto about = [](const std::string& value) {
    TargetBuilder builder("about " + value);
    return bound(builder, "net/core/somaxconn", value, Bound::about, Source::sizing).target;
  };
  apply(about("8192"));
  EXPECT_EQ(value("net/core/somaxconn"), "4096") << "half of it is near enough";
  poke("net/core/somaxconn", "5000");
  EXPECT_TRUE(repair().outcomes.empty());
  apply(about("16384"));
  EXPECT_EQ(value("net/core/somaxconn"), "16384");
  apply(about("1024"));
  EXPECT_EQ(value("net/core/somaxconn"), "16384") << "never shrunk";
}

}  // namespace
}  // namespace bedplate::apply::testing_node
