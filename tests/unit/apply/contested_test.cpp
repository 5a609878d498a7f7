// Who rewrites a thing over and over is not fought.
#include "agent/apply/contested.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/apply/keeper_fixture.h"

namespace bedplate::apply {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using testing_node::full;
using testing_node::KeeperTest;
using testing_node::kManifestA;
using testing_node::Process;

constexpr const char* kKey = "vm/swappiness";
constexpr std::int64_t kMinuteUs = 60'000'000;

DriftEvent event(std::int64_t minute, const std::string& writer = "unknown") {
  return {minute * kMinuteUs, "sysctl", kKey, "60", "10", writer, true};
}

TEST(Contests, SixTimesInTenMinutesIsAContest) {
  Contests contests;
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(contests.overdone(kKey, i * kMinuteUs));
    contests.add(event(i, i == 3 ? "pid 7 tuned" : "unknown"));
    EXPECT_EQ(contests.find(kKey, i * kMinuteUs), nullptr);
  }
  EXPECT_TRUE(contests.overdone(kKey, 5 * kMinuteUs));
  EXPECT_FALSE(contests.overdone(kKey, 10 * kMinuteUs)) << "the first is ten minutes ago";
  EXPECT_FALSE(contests.overdone("vm/other", 5 * kMinuteUs));
  contests.add(event(5));
  const Contest* contest = contests.find(kKey, 5 * kMinuteUs);
  ASSERT_NE(contest, nullptr);
  EXPECT_EQ(*contest, (Contest{"sysctl", kKey, "60", "10", "pid 7 tuned", 5 * kMinuteUs, 6}));
  EXPECT_NE(contests.find(kKey, 64 * kMinuteUs), nullptr);
  EXPECT_EQ(contests.find(kKey, 65 * kMinuteUs), nullptr) << "after an hour it is tried again";
  contests.add(event(66));
  EXPECT_THAT(contests.all(66 * kMinuteUs), IsEmpty());
}

TEST(Contests, NowAndThenIsNone) {
  Contests contests;
  for (int i = 0; i < 100; ++i) contests.add(event(i * 3));
  EXPECT_THAT(contests.all(300 * kMinuteUs), IsEmpty());
}

TEST(Contests, ThePastDoesNotGrow) {
  Contests contests;
  for (int i = 0; i < 100'000; ++i) {
    DriftEvent one = event(i / 100);
    one.subject = "net/ipv4/conf/veth" + std::to_string(i) + "/rp_filter";
    contests.add(one);
  }
  EXPECT_THAT(contests.all(1000 * kMinuteUs), IsEmpty());
}

class ContestedTest : public KeeperTest {
 protected:
  RunResult rewritten(const std::string& text = "55\n", const Writers& writers = {}) {
    clock.advanceMs(1000);
    tree.write(std::string("proc/sys/") + kKey, text);
    return keep(process->keeper.repair(true, writers));
  }
  void fight() {
    for (int i = 0; i < 5; ++i) {
      rewritten();
      ASSERT_EQ(value(kKey), "10");
    }
  }
};

TEST_F(ContestedTest, TheSixthTimeItIsLeftAndNamed) {
  apply(full());
  fight();
  const RunResult run = rewritten("55\n", {{kKey, "pid 7 tuned (tuned.service)"}});
  EXPECT_EQ(value(kKey), "55");
  ASSERT_THAT(run.contested, SizeIs(1));
  EXPECT_EQ(run.contested[0].writer, "pid 7 tuned (tuned.service)");
  EXPECT_EQ(run.contested[0].value, "55");
  EXPECT_EQ(run.contested[0].wanted, "10");
  ASSERT_THAT(run.drifts, SizeIs(1));
  EXPECT_FALSE(run.drifts[0].repaired);
  EXPECT_THAT(rewritten("56\n").drifts, IsEmpty()) << "said once";
  EXPECT_EQ(value(kKey), "56");
  EXPECT_EQ(driftCount(), 6);
  EXPECT_THAT(apply(full()).outcomes, IsEmpty()) << "the same desired state is no news";
  EXPECT_EQ(value(kKey), "56");
}

TEST_F(ContestedTest, OthersAreStillPutBack) {
  apply(full());
  fight();
  rewritten();
  tree.write("proc/sys/net/ipv4/ip_forward", "0\n");
  rewritten();
  EXPECT_EQ(value("net/ipv4/ip_forward"), "1");
  EXPECT_EQ(value(kKey), "55");
}

TEST_F(ContestedTest, ARestartDoesNotBeginTheWarAgain) {
  apply(full());
  recover();  // as the daemon does at each start; it is not the first of this boot any more
  fight();
  rewritten();
  start();
  EXPECT_THAT(rewritten().drifts, IsEmpty());
  EXPECT_EQ(value(kKey), "55");
  start();
  keep(process->keeper.recover());
  EXPECT_EQ(value(kKey), "55");
}

TEST_F(ContestedTest, HalfAWarIsRememberedToo) {
  apply(full());
  fight();
  start();
  EXPECT_THAT(rewritten().contested, SizeIs(1));
}

TEST_F(ContestedTest, AnotherDesiredStateTriesAgain) {
  apply(full());
  fight();
  rewritten();
  auto target = full();
  target.commit = std::string(40, 'b');
  target.sysctls.push_back(target.sysctls.front());
  target.sysctls.back().rule.key = "net/core/somaxconn";
  target.sysctls.back().rule.value = "8192";
  apply(target);
  EXPECT_EQ(value(kKey), "10");
}

TEST_F(ContestedTest, AfterAnHourItTriesAgain) {
  apply(full());
  fight();
  rewritten();
  clock.advanceMs(3'600'000);
  EXPECT_THAT(repair().drifts, SizeIs(1));
  EXPECT_EQ(value(kKey), "10");
}

TEST_F(ContestedTest, OneThatWasGivenUpIsSettled) {
  apply(full());
  fight();
  rewritten();
  tree.write(std::string("proc/sys/") + kKey, "10\n");
  repair();
  EXPECT_THAT(process->store.notes().contests.all(clock.wallUs()), SizeIs(1)) << "it may be a pause";
  clock.advanceMs(600'000);
  repair();
  EXPECT_THAT(process->store.notes().contests.all(clock.wallUs()), IsEmpty());
}

TEST_F(ContestedTest, AFileAsWell) {
  apply(full());
  const std::string good = tree.read(kManifestA);
  for (int i = 0; i < 5; ++i) {
    clock.advanceMs(1000);
    tree.write(kManifestA, "kind: Mine" + std::to_string(i) + "\n");
    repair();
    ASSERT_EQ(tree.read(kManifestA), good);
  }
  clock.advanceMs(1000);
  tree.write(kManifestA, "kind: Mine\n");
  EXPECT_THAT(repair().contested, SizeIs(1));
  EXPECT_EQ(tree.read(kManifestA), "kind: Mine\n");
}

TEST_F(ContestedTest, WhatIsOnlyReportedDoesNotFloodTheHistory) {
  apply(full());
  for (int i = 0; i < 100; ++i) {
    clock.advanceMs(1000);
    tree.write(std::string("proc/sys/") + kKey, std::to_string(20 + i) + "\n");
    keep(process->keeper.repair(false));
  }
  EXPECT_EQ(driftCount(), 6);
}

// Many drifts, none of them missed, and what is remembered stays small.
TEST_F(ContestedTest, TenThousandDriftsAreAllPutBack) {
  apply(full());
  for (int i = 0; i < 2000; ++i) {
    clock.advanceMs(600'000);
    for (int again = 0; again < 5; ++again) {
      tree.write(std::string("proc/sys/") + kKey, "55\n");
      const RunResult run = keep(process->keeper.repair(true, {{kKey, "pid 7 x"}}));
      ASSERT_EQ(run.drifts.size(), 1U);
      ASSERT_EQ(run.drifts[0].writer, "pid 7 x");
      ASSERT_EQ(value(kKey), "10");
    }
  }
  EXPECT_EQ(driftCount(), 10'000);
}

}  // namespace
}  // namespace bedplate::apply
