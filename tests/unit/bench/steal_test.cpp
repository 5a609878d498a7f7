#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/lib/temp_tree.h"
#include "tuning/bench/bench.h"
#include "tuning/bench/stat_parse.h"

namespace bedplate::bench {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::Eq;
using testing::Optional;
using testing::SizeIs;

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(ParseStat, TakesTheCpuLinesAndLeavesTheRest) {
  const auto sample = parseStat(
      "cpu  19105 61404 26098 212535 1662 3 358 48 7 8\n"
      "cpu0 8425 30508 11334 110071 185 1 51 18 0 0\n"
      "cpu2 10680 30896 14763 102464 1476 2 306 29 0 0\n"
      "intr 2029876 x y z\ncpu this is not looked at\n");
  ASSERT_TRUE(sample) << sample.error().text();
  EXPECT_EQ(sample->total.user, 19105u);
  EXPECT_EQ(sample->total.nice, 61404u);
  EXPECT_EQ(sample->total.system, 26098u);
  EXPECT_EQ(sample->total.idle, 212535u);
  EXPECT_EQ(sample->total.iowait, 1662u);
  EXPECT_EQ(sample->total.irq, 3u);
  EXPECT_EQ(sample->total.softirq, 358u);
  EXPECT_EQ(sample->total.steal, 48u);
  ASSERT_THAT(sample->cpus, SizeIs(3));
  EXPECT_EQ(sample->cpus[0].value().steal, 18u);
  EXPECT_FALSE(sample->cpus[1]) << "offline";
  EXPECT_EQ(sample->cpus[2].value().steal, 29u);
}

TEST(ParseStat, WhatIsNotNumbersIsMalformed) {
  for (const char* text :
       {"", "intr 1\n", "cpu\n", "cpu  \n", "cpu  1 2 3\n", "cpu  1 2 3 x\n", "cpu  1 2 3 4x\n", "cpu  -1 2 3 4\n",
        "cpu  1 2 3 99999999999999999999999\n", "cpu0 1 2 3 4\n", "cpu  1 2 3 4\ncpuX 1 2 3 4\n",
        "cpu  1 2 3 4\ncpu99999999 1 2 3 4\n", "cpu  1 2 3 4\ncpu0\n", "cpu  1 2 3 4\ncpu0x 1 2 3 4\n"}) {
    const auto sample = parseStat(text);
    ASSERT_FALSE(sample) << text;
    EXPECT_EQ(sample.error().reason, "Malformed");
  }
  EXPECT_EQ(parseStat("cpu  1 2 3 4\n").value().total.steal, 0u) << "a kernel from before steal";
}

TEST(ReadSteal, OfTheMachineAndOfATree) {
  testlib::TempTree tree;
  EXPECT_EQ(readSteal(tree.files(), 5).error().reason, "NotFound");
  tree.write("proc/stat", "nonsense");
  const auto malformed = readSteal(tree.files(), 5);
  EXPECT_EQ(malformed.error().thing, tree.path() + "/proc/stat");
  auto root = host::HostFiles::open("/");
  ASSERT_TRUE(root);
  const auto real = readSteal(*root, 5);
  ASSERT_TRUE(real) << real.error().text();
  EXPECT_EQ(real->monotonicNs, 5);
  EXPECT_FALSE(real->cpus.empty());
  EXPECT_GT(real->total.user + real->total.system + real->total.idle, 0u);
}

StealSample at(std::int64_t seconds, const CpuTimes& one, const CpuTimes& two) {
  StealSample sample;
  sample.monotonicNs = seconds * kSecond;
  sample.cpus = {one, two};
  sample.total = {one.user + two.user,     one.nice + two.nice, one.system + two.system,   one.idle + two.idle,
                  one.iowait + two.iowait, one.irq + two.irq,   one.softirq + two.softirq, one.steal + two.steal};
  return sample;
}

TEST(CompareSteal, IsTheShareOfAllCpuTime) {
  // 10 s on two CPUs: 2000 ticks, 60 of them stolen from the second.
  const StealSample before = at(100, {500, 0, 0, 500, 0, 0, 0, 0}, {0, 0, 0, 9000, 0, 0, 0, 40});
  const StealSample after = at(110, {900, 0, 0, 1100, 0, 0, 0, 0}, {0, 0, 0, 9940, 0, 0, 0, 100});
  const StealResult result = compareSteal(before, after, true, "", 0.05);
  ASSERT_TRUE(result.ratio);
  EXPECT_DOUBLE_EQ(*result.ratio, 0.03);
  EXPECT_THAT(result.perCpu, ElementsAre(Optional(0.0), Optional(DoubleEq(0.06))));
  EXPECT_EQ(result.windowNs, 10 * kSecond);
  EXPECT_EQ(result.verdict, Verdict::marginal);
  EXPECT_EQ(result.reason, "3.0 % of CPU time stolen over 10 s, limit 5.0 %");
}

TEST(CompareSteal, VerdictsByTheLimit) {
  const StealSample before = at(0, {}, {});
  for (const auto& [stolen, verdict] : {std::pair<std::uint64_t, Verdict>{0, Verdict::fit},
                                        {50, Verdict::fit},
                                        {51, Verdict::marginal},
                                        {100, Verdict::marginal},
                                        {101, Verdict::unfit},
                                        {2000, Verdict::unfit}}) {
    const StealSample after = at(10, {0, 0, 0, 2000 - stolen, 0, 0, 0, stolen}, {});
    EXPECT_EQ(compareSteal(before, after, true, "", 0.05).verdict, verdict) << stolen;
  }
}

TEST(CompareSteal, WhatIsNotReportedIsUnavailable) {
  const StealSample before = at(0, {}, {});
  const StealSample after = at(10, {0, 0, 0, 2000, 0, 0, 0, 0}, {});
  const StealResult result = compareSteal(before, after, false, "no hypervisor", 0.05);
  EXPECT_FALSE(result.ratio);
  EXPECT_EQ(result.verdict, Verdict::unknown);
  EXPECT_EQ(result.reason, "unavailable: no hypervisor");
}

TEST(CompareSteal, IdleRunsBackwardsByDesign) {
  const StealSample before = at(0, {1000, 0, 0, 1000, 500, 0, 0, 90}, {0, 0, 0, 1000, 0, 0, 0, 0});
  const StealSample after = at(10, {1500, 0, 0, 1400, 400, 0, 0, 100}, {0, 0, 0, 2000, 0, 0, 0, 0});
  EXPECT_THAT(compareSteal(before, after, true, "", 0.05).perCpu, ElementsAre(Optional(10.0 / 910), Optional(0.0)));
}

TEST(CompareSteal, ACpuWhoseCounterRanBackwardsIsNotKnown) {
  const StealSample before = at(0, {1000, 0, 0, 1000, 0, 0, 0, 90}, {0, 0, 0, 1000, 0, 0, 0, 0});
  const StealSample after = at(10, {1500, 0, 0, 1500, 0, 0, 0, 10}, {0, 0, 0, 1900, 0, 0, 0, 100});
  const StealResult result = compareSteal(before, after, true, "", 0.05);
  EXPECT_THAT(result.ratio, Optional(0.1)) << "of the other one";
  EXPECT_THAT(result.perCpu, ElementsAre(Eq(std::nullopt), Optional(0.1)));
}

TEST(CompareSteal, AShortOrTurnedWindowIsNoVerdict) {
  const StealSample before = at(10, {}, {});
  StealSample soon = at(10, {0, 0, 0, 150, 0, 0, 0, 0}, {});
  soon.monotonicNs += kSecond / 2;
  EXPECT_EQ(compareSteal(before, soon, true, "", 0.05).verdict, Verdict::unknown);
  const StealResult turned = compareSteal(before, at(5, {0, 0, 0, 150, 0, 0, 0, 0}, {}), true, "", 0.05);
  EXPECT_EQ(turned.verdict, Verdict::unknown);
  EXPECT_EQ(turned.windowNs, 0);
  EXPECT_EQ(compareSteal(before, at(20, {}, {}), true, "", 0.05).verdict, Verdict::unknown) << "no ticks at all";
}

TEST(CompareSteal, NoCpuInBothIsNoRatio) {
  StealSample before = at(0, {}, {});
  const StealSample after = at(10, {0, 0, 0, 1000, 0, 0, 0, 0}, {});
  before.cpus.clear();
  const StealResult result = compareSteal(before, after, true, "", 0.05);
  EXPECT_FALSE(result.ratio);
  EXPECT_EQ(result.reason, "no CPU is in both readings");
}

TEST(CompareSteal, ATreeWithTheSumAloneWillDo) {
  StealSample before = at(0, {}, {}), after = at(10, {0, 0, 0, 900, 0, 0, 0, 100}, {});
  before.cpus.clear();
  after.cpus.clear();
  EXPECT_THAT(compareSteal(before, after, true, "", 0.05).ratio, Optional(0.1));
}

}  // namespace
}  // namespace bedplate::bench
