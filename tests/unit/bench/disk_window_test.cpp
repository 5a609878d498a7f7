#include "tuning/bench/disk_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tuning/bench/disk_json.h"

namespace bedplate::bench {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::int64_t kMinute = 60'000'000;
constexpr std::int64_t kStart = 1'790'000'000'000'000;

// A round of 200 writes, `slow` of which took `slowNs`.
DiskRound round(std::int64_t wallUs, std::uint64_t slow = 0, std::uint64_t slowNs = 40 * kMs) {
  DiskResult result;
  for (std::uint64_t i = 0; i < 200 - slow; ++i) result.service.add(kMs);
  for (std::uint64_t i = 0; i < slow; ++i) result.service.add(slowNs);
  if (slowNs > kStallNs) result.stalls = slow;
  return diskRound(toJson(result, wallUs)).value();
}

class Window : public testing::Test {
 protected:
  void rounds(int count, std::uint64_t slow = 0) {
    for (int i = 0; i < count; ++i) window.add(round(now += 30 * kMinute, slow));
  }
  Verdict verdict() { return window.day(limits, now).judged.verdict; }

  DiskWindow window;
  DiskLimits limits;
  std::int64_t now = kStart;
};

TEST_F(Window, NothingIsUnknown) {
  const DiskDay day = window.day(limits, now);
  EXPECT_EQ(day.judged.verdict, Verdict::unknown);
  EXPECT_EQ(day.judged.reason, "nothing was measured in 24 h");
  EXPECT_EQ(day.measuredUs, 0);
}

TEST_F(Window, AddsUpTheRoundsOfADay) {
  rounds(100);
  const DiskDay day = window.day(limits, now);
  EXPECT_EQ(day.rounds, 48u);
  EXPECT_EQ(day.seen.service.count(), 48u * 200);
  EXPECT_EQ(day.measuredUs, now);
  EXPECT_EQ(day.judged.verdict, Verdict::fit);
  EXPECT_EQ(day.judged.reason, "p99 1.0 ms over 9600 writes, limit 10 ms");
  EXPECT_EQ(window.day(limits, now + 25 * 60 * kMinute).judged.verdict, Verdict::unknown);
}

TEST_F(Window, OneBadEveningShowsAtOnceAndForADay) {
  rounds(60);
  EXPECT_EQ(verdict(), Verdict::fit);
  rounds(1, 120);  // of 9600 writes 1.25 %
  EXPECT_EQ(verdict(), Verdict::unfit);
  rounds(40);
  EXPECT_EQ(verdict(), Verdict::unfit);
  // The bad round leaves the day with the 48th after it; three good readings later it is believed.
  rounds(7);
  EXPECT_EQ(verdict(), Verdict::unfit);
  rounds(2);
  EXPECT_EQ(verdict(), Verdict::unfit);
  EXPECT_THAT(window.day(limits, now).judged.reason, HasSubstr("unfit until 3 rounds in succession stay 20 % below"));
  rounds(1);
  EXPECT_EQ(verdict(), Verdict::fit);
}

TEST_F(Window, JustUnderOnePercentIsNotOne) {
  rounds(60);
  rounds(1, 90);
  EXPECT_EQ(verdict(), Verdict::fit);
}

TEST_F(Window, ANewLimitCountsAtOnceAndForAllRounds) {
  rounds(60, 10);
  EXPECT_EQ(verdict(), Verdict::unfit);
  limits.p99Ns = 200 * kMs;
  EXPECT_EQ(verdict(), Verdict::fit) << "no memory of another limit";
}

TEST_F(Window, AStallEndsARoundAndShowsForADay) {
  rounds(10);
  window.add(round(now += 30 * kMinute, 1, 700 * kMs));
  EXPECT_EQ(verdict(), Verdict::marginal);
  rounds(47);
  EXPECT_EQ(verdict(), Verdict::marginal);
  rounds(3);
  EXPECT_EQ(verdict(), Verdict::fit);
  EXPECT_EQ(window.day(limits, now).seen.service.max(), kMs) << "the stall is out of the day, its maximum too";
}

TEST_F(Window, RoundsFromTheFutureAndThePastDoNotCount) {
  rounds(4);
  window.add(round(now - 60 * kMinute, 200));
  EXPECT_EQ(window.day(limits, now).rounds, 4u);
  window.add(round(now + 600 * kMinute, 200));
  EXPECT_EQ(window.day(limits, now).rounds, 4u);
  EXPECT_EQ(verdict(), Verdict::fit);
}

TEST_F(Window, IsBounded) {
  for (int i = 0; i < 6000; ++i) window.add(round(now += 1'000'000));
  EXPECT_EQ(window.day(limits, now).rounds, DiskWindow::kRounds);
}

TEST(DiskJson, ARoundComesBackAsItWas) {
  DiskResult result;
  for (std::uint64_t ns = 1000; ns < 3'000'000'000; ns = ns * 5 / 4) result.service.add(ns);
  result.checkpoints.add(70 * kMs);
  result.checkpoints.add(90 * kMs);
  result.stalls = 3;
  const auto back = diskRound(toJson(result, kStart));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->wallUs, kStart);
  EXPECT_EQ(back->service, result.service.sparse());
  EXPECT_EQ(back->checkpoints, result.checkpoints.sparse());
  EXPECT_EQ(back->maxNs, result.service.max());
  EXPECT_EQ(back->checkpointMaxNs, 90 * kMs);
  EXPECT_EQ(back->stalls, 3u);
  EXPECT_LT(toJson(result, kStart).size(), 4'000u);
}

TEST(DiskJson, WhatIsNoRoundIsNone) {
  const auto with = [](const std::string& rest) {
    return R"({"probe":"disk","measuredUs":1,"maxNs":1,"stalls":0,"buckets":)" + rest + "}";
  };
  EXPECT_TRUE(diskRound(with("[]")));
  EXPECT_TRUE(diskRound(with("[[0,1],[1855,2]]")));
  for (const char* bad : {"[[1856,1]]", "[[1,1],[1,1]]", "[[2,1],[1,1]]", "[[0,-1]]", "[[0]]", "[0]", "{}", "null",
                          "[[0,4294967296]]", "[[0,99999999],[1,99999999]]", "[[0.5,1]]", "[[\"0\",1]]"})
    EXPECT_FALSE(diskRound(with(bad))) << bad;
  for (const char* bad :
       {"", "[]", "null", R"({"measuredUs":1})", R"({"measuredUs":-1,"maxNs":1,"stalls":0,"buckets":[]})",
        R"({"measuredUs":1,"maxNs":1e3,"stalls":0,"buckets":[]})"})
    EXPECT_FALSE(diskRound(bad)) << bad;
}

TEST(DiskJson, ASkipComesBack) {
  const auto skip = diskSkip(toJson(DiskSkip{kStart, "the disk is busy"}));
  ASSERT_TRUE(skip);
  EXPECT_EQ(skip->wallUs, kStart);
  EXPECT_EQ(skip->reason, "the disk is busy");
  EXPECT_FALSE(diskSkip("{}"));
  EXPECT_FALSE(diskSkip(R"({"skippedUs":1,"reason":1})"));
}

}  // namespace
}  // namespace bedplate::bench
