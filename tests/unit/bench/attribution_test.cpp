#include "tuning/bench/attribution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bedplate::bench {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Length of the gap, and by how much the thread's wait and its count of time slices had grown; ns.
struct Recorded {
  std::int64_t length;
  std::uint64_t waited, timeslices;
};

Burst attributed(const std::vector<Recorded>& series) {
  Burst burst;
  SchedStat before{1'000'000, 500'000, 7};
  for (const auto& gap : series) {
    const SchedStat after{before.ranNs, before.waitedNs + gap.waited, before.timeslices + gap.timeslices};
    attribute(burst, gap.length, before, after);
    before = after;
  }
  return burst;
}

TEST(Attribute, ABusyProcessOnTheSameCpuIsTheMachinesOwn) {
  // Recorded: KVM guest, Linux 6.18, a second process spinning on the same CPU.
  const Burst burst = attributed({{4028596, 4002737, 1},
                                  {4021625, 3990309, 1},
                                  {69914, 53820, 1},
                                  {4026632, 3998240, 1},
                                  {8067607, 8038132, 1},
                                  {4025892, 4002938, 1},
                                  {2339965, 2318694, 1},
                                  {9552656, 9533888, 1},
                                  {52077, 36865, 1}});
  EXPECT_EQ(burst.beneathNs, 0);
  EXPECT_EQ(burst.gaps, 0u);
  EXPECT_EQ(burst.preemptions, 9u);
  EXPECT_EQ(burst.preemptedNs, 4028596 + 4021625 + 69914 + 4026632 + 8067607 + 4025892 + 2339965 + 9552656 + 52077);
}

TEST(Attribute, AGapInWhichNobodyElseRanCameFromBeneath) {
  const Burst burst = attributed({{2'420'000, 0, 0}, {61'000, 0, 0}, {4'000'000, 3'980'000, 1}, {88'541, 0, 0}});
  EXPECT_EQ(burst.beneathNs, 2'420'000 + 61'000 + 88'541);
  EXPECT_EQ(burst.longestNs, 2'420'000);
  EXPECT_EQ(burst.gaps, 3u);
  EXPECT_EQ(burst.preemptedNs, 4'000'000);
}

TEST(Attribute, AStoppedOrThrottledThreadDidNotWaitInAQueue) {
  const Burst burst = attributed({{95'000'000, 20'000, 1}, {80'000'000, 0, 1}});
  EXPECT_EQ(burst.beneathNs, 0);
  EXPECT_EQ(burst.preemptedNs, 175'000'000);
}

TEST(ParseSchedStat, OneLineOfThreeNumbers) {
  const auto stat = parseSchedStat("8451339 429066 17\n");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->ranNs, 8451339u);
  EXPECT_EQ(stat->waitedNs, 429066u);
  EXPECT_EQ(stat->timeslices, 17u);
  for (const char* text : {"", "\n", "1 2\n", "1 2 x\n", "-1 2 3\n", "1 2 3x\n", "1 2 99999999999999999999999\n"})
    EXPECT_FALSE(parseSchedStat(text)) << text;
  EXPECT_FALSE(parseSchedStat("0 0 0\n")) << "a kernel that does not count says so";
}

TEST(ParseThrottled, OfBothVersions) {
  EXPECT_EQ(parseThrottledNs("usage_usec 5\nnr_periods 10\nnr_throttled 3\nthrottled_usec 250\n"), 250'000);
  EXPECT_EQ(parseThrottledNs("nr_periods 10\nnr_throttled 3\nthrottled_time 250\n"), 250);
  for (const char* text : {"", "usage_usec 5\n", "throttled_usec x\n", "throttled_usec -5\n", "throttled_usec 5x\n",
                           "throttled_usec 9223372036854775807\n"})
    EXPECT_EQ(parseThrottledNs(text), 0) << text;
}

TEST(ThrottlePaths, OfTheCgroupAndAllAboveIt) {
  EXPECT_THAT(throttlePaths("0::/system.slice/bedplated.service\n"),
              ElementsAre("sys/fs/cgroup/system.slice/bedplated.service/cpu.stat",
                          "sys/fs/cgroup/system.slice/cpu.stat", "sys/fs/cgroup/cpu.stat"));
  EXPECT_THAT(throttlePaths("0::/\n"), ElementsAre("sys/fs/cgroup/cpu.stat"));
  EXPECT_THAT(throttlePaths("7:memory:/m\n4:cpu,cpuacct:/x\n0::/y\n"),
              ElementsAre("sys/fs/cgroup/cpu,cpuacct/x/cpu.stat", "sys/fs/cgroup/cpu,cpuacct/cpu.stat"));
  EXPECT_THAT(throttlePaths("0::/y\n4:cpu:/x\n"),
              ElementsAre("sys/fs/cgroup/cpu/x/cpu.stat", "sys/fs/cgroup/cpu/cpu.stat"));
  for (const char* text :
       {"", "\n", "0\n", "0:\n", "0::\n", "0::x\n", "0::/../../host\n", "5:memory:/x\n", "5:cpu,/../etc:/x\n"})
    EXPECT_THAT(throttlePaths(text), IsEmpty()) << text;
  std::string deep = "0::";
  for (int i = 0; i < 1000; ++i) deep += "/a";
  EXPECT_THAT(throttlePaths(deep), SizeIs(32));
}

}  // namespace
}  // namespace bedplate::bench
