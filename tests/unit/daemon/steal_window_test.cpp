#include "agent/daemon/steal_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bedplate::daemon {
namespace {

using bench::Verdict;
using testing::DoubleEq;
using testing::Eq;
using testing::HasSubstr;
using testing::Optional;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kFiveMinutes = 300 * kSecond;

// A machine with one CPU: time goes on, with so many ticks of each second stolen.
class Machine {
 public:
  bench::StealSample after(int seconds, double stolenPerSecond) {
    now_ += seconds * kSecond;
    const auto stolen = static_cast<std::uint64_t>(seconds * stolenPerSecond);
    times_.steal += stolen;
    times_.user += static_cast<std::uint64_t>(seconds) * 100 - stolen;
    return reading();
  }
  bench::StealSample moved() {
    times_.steal = 0;
    return reading();
  }
  [[nodiscard]] std::int64_t now() const { return now_; }

 private:
  [[nodiscard]] bench::StealSample reading() const { return {now_, times_, {times_}}; }
  std::int64_t now_ = 100 * kSecond;
  bench::CpuTimes times_{.steal = 1000};
};

std::optional<bench::CpuResult> minute(StealWindow& window, Machine& machine, double stolenPerSecond,
                                       std::int64_t windowNs = kFiveMinutes, double limit = 0.05) {
  window.glance(machine.after(55, stolenPerSecond));
  return window.sample(machine.after(5, stolenPerSecond), true, "", windowNs, limit);
}

TEST(StealWindow, WindowsFillOneAfterTheOther) {
  StealWindow window;
  Machine machine;
  EXPECT_FALSE(window.sample(machine.after(0, 0), true, "", kFiveMinutes, 0.05)) << "nothing to compare";
  auto result = minute(window, machine, 2);
  ASSERT_TRUE(result);
  EXPECT_THAT(result->windows.shares[0].ratio, Optional(DoubleEq(0.02)));
  EXPECT_THAT(result->windows.shares[1].ratio, Optional(DoubleEq(0.02)));
  EXPECT_FALSE(result->windows.shares[2].ratio) << "five minutes have not passed";
  EXPECT_EQ(result->visible.windowNs, 60 * kSecond);
  for (int i = 0; i < 4; ++i) result = minute(window, machine, 2);
  EXPECT_THAT(result->windows.shares[2].ratio, Optional(DoubleEq(0.02)));
  EXPECT_EQ(result->visible.windowNs, kFiveMinutes);
  result = minute(window, machine, 12);
  EXPECT_THAT(result->windows.shares[1].ratio, Optional(DoubleEq(0.12)));
  EXPECT_THAT(result->windows.shares[2].ratio, Optional(DoubleEq(0.04)));
  EXPECT_THAT(result->visible.ratio, Optional(DoubleEq(0.04))) << "the one that judges";
  EXPECT_EQ(result->verdict, Verdict::marginal);
}

TEST(StealWindow, WindowAndLimitOfTheNodeAreHonoured) {
  StealWindow window;
  Machine machine;
  window.sample(machine.after(0, 0), true, "", kFiveMinutes, 0.05);
  std::optional<bench::CpuResult> result;
  for (int i = 0; i < 20; ++i) result = minute(window, machine, 10, 1200 * kSecond);
  EXPECT_EQ(result->verdict, Verdict::unfit);
  EXPECT_EQ(result->visible.windowNs, 1200 * kSecond);
  // Changed with a commit: from now on it is the last minute, which was a good one, and 20 % are allowed.
  result = minute(window, machine, 0, 10 * kSecond, 0.2);
  EXPECT_EQ(result->visible.windowNs, 60 * kSecond);
  EXPECT_THAT(result->visible.ratio, Optional(0.0));
  EXPECT_EQ(result->verdict, Verdict::fit);
}

TEST(StealWindow, AMovedMachineIsNotKnownForThatMinuteAlone) {
  StealWindow window;
  Machine machine;
  window.sample(machine.after(0, 0), true, "", kFiveMinutes, 0.05);
  for (int i = 0; i < 3; ++i) minute(window, machine, 10);
  window.glance(machine.after(55, 0));
  machine.moved();
  auto result = window.sample(machine.after(5, 0), true, "", kFiveMinutes, 0.05);
  EXPECT_FALSE(result->windows.shares[0].ratio);
  EXPECT_FALSE(result->windows.shares[1].ratio);
  EXPECT_THAT(result->visible.ratio, Optional(DoubleEq(0.1))) << "the minutes before";
  for (int i = 0; i < 5; ++i) result = minute(window, machine, 0);
  EXPECT_THAT(result->visible.ratio, Optional(0.0));
}

TEST(StealWindow, WhatIsNotReportedHasNoNumbers) {
  StealWindow window;
  Machine machine;
  window.sample(machine.after(0, 0), false, "no hypervisor", kFiveMinutes, 0.05);
  window.glance(machine.after(55, 0));
  const auto result = window.sample(machine.after(5, 0), false, "no hypervisor", kFiveMinutes, 0.05);
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->visible.ratio || result->windows.shares[0].ratio || result->peak->minute);
  EXPECT_EQ(result->verdict, Verdict::unknown);
  EXPECT_THAT(result->reason, HasSubstr("unavailable: no hypervisor"));
}

bench::Burst burst(int cpu, std::int64_t beneathNs) {
  bench::Burst one;
  one.cpu = cpu;
  one.watchedNs = 26'000'000;
  one.beneathNs = one.longestNs = beneathNs;
  one.gaps = 1;
  return one;
}

TEST(StealWindow, HiddenStealIsOfTheBurstsOfAnHour) {
  StealWindow window;
  Machine machine;
  window.unwatched("no schedstat");
  window.sample(machine.after(0, 0), true, "", kFiveMinutes, 0.05);
  EXPECT_THAT(minute(window, machine, 0)->hidden.why, HasSubstr("no schedstat"));
  std::optional<bench::CpuResult> result;
  for (int i = 0; i < 60; ++i) {
    window.add(burst(i % 2, 2'600'000), machine.now());
    result = minute(window, machine, 0);
  }
  EXPECT_THAT(result->hidden.ratio, Optional(DoubleEq(0.1)));
  ASSERT_EQ(result->perCpu.size(), 2u);
  EXPECT_THAT(result->perCpu[1].ratio, Optional(DoubleEq(0.1)));
  EXPECT_EQ(result->verdict, Verdict::unfit);
  for (int i = 0; i < 61; ++i) {
    window.add(burst(0, 0), machine.now());
    result = minute(window, machine, 0);
  }
  EXPECT_THAT(result->hidden.ratio, Optional(0.0));
  EXPECT_EQ(result->verdict, Verdict::fit);
}

TEST(StealWindow, TheGreatestIsSinceTheLastThatWasKept) {
  StealWindow window;
  Machine machine;
  window.sample(machine.after(0, 0), true, "", kFiveMinutes, 0.05);
  minute(window, machine, 7);
  EXPECT_THAT(minute(window, machine, 1)->peak->minute, Optional(DoubleEq(0.07)));
  window.kept();
  EXPECT_THAT(minute(window, machine, 2)->peak->minute, Optional(DoubleEq(0.02)));
}

}  // namespace
}  // namespace bedplate::daemon
