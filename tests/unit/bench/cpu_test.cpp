#include "tuning/bench/cpu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tuning/bench/attribution.h"

namespace bedplate::bench {
namespace {

using testing::DoubleEq;
using testing::HasSubstr;
using testing::Optional;

constexpr std::int64_t kMs = 1'000'000;

Burst burst(std::int64_t watchedMs, std::int64_t preemptedMs = 0, std::int64_t beneathMs = 0) {
  Burst one;
  one.watchedNs = watchedMs * kMs;
  one.preemptedNs = preemptedMs * kMs;
  one.beneathNs = one.longestNs = beneathMs * kMs;
  one.gaps = beneathMs > 0 ? 10 : 0;
  one.clockNs = 25;
  return one;
}

TEST(NoiseOf, IsTheShareOfTheTimeThatWasOurs) {
  const Noise noise = noiseOf({burst(400, 100, 6), burst(700, 0, 4)});
  EXPECT_EQ(noise.ownNs, 1000 * kMs);
  EXPECT_THAT(noise.ratio, Optional(DoubleEq(0.01)));
  EXPECT_EQ(noise.longestNs, 6 * kMs);
  EXPECT_EQ(noise.preemptedNs, 100 * kMs);
  EXPECT_EQ(noise.bursts, 2u);
  EXPECT_EQ(noise.clockNs, 25);
}

TEST(NoiseOf, WhatWasReportedAndInterruptsAreTakenOff) {
  Burst one = burst(1000, 0, 60);
  one.stealNs = 30 * kMs;
  one.interruptNs = 10 * kMs;
  EXPECT_THAT(noiseOf({one}).ratio, Optional(DoubleEq(0.02)));
  one.stealNs = 70 * kMs;
  EXPECT_THAT(noiseOf({one}).ratio, Optional(0.0)) << "ticks of 10 ms are more than there was: nothing hidden";
}

TEST(NoiseOf, TooLittleIsNoNumber) {
  EXPECT_EQ(noiseOf({}).why, "not watched yet");
  const Noise little = noiseOf({burst(400, 0, 100)});
  EXPECT_FALSE(little.ratio);
  EXPECT_EQ(little.why, "400 ms watched, it takes 500 ms");
  EXPECT_FALSE(noiseOf({burst(2000, 1600, 100)}).ratio) << "only what was ours counts";
}

TEST(NoiseOf, TheMiddlePieceOfWorkAgainstTheBest) {
  std::vector<Burst> bursts;
  for (int i = 0; i < 20; ++i) {
    Burst one = burst(50);
    one.chunkP5Ns = 10'000 + i * 10;
    one.chunkP50Ns = 15'000;
    bursts.push_back(one);
  }
  EXPECT_THAT(noiseOf(bursts).slower, Optional(DoubleEq(15'000.0 / 10'010 - 1)));
  EXPECT_FALSE(noiseOf({burst(600)}).slower) << "no chunks";
}

CpuResult result(std::optional<double> visible, std::optional<double> hidden) {
  CpuResult cpu;
  StealShare share;
  share.ratio = visible;
  share.windowNs = 300'000 * kMs;
  share.why = "a window of 0.0 s is too short to judge";
  cpu.visible = judgeSteal(share, true, "", 0.05);
  cpu.hidden.ratio = hidden;
  cpu.hidden.gaps = 10;
  cpu.hidden.longestNs = 2'400'000;
  cpu.hidden.why = "not watched yet";
  return cpu;
}

TEST(JudgeCpu, TheWorseOfTheTwo) {
  using enum Verdict;
  struct Case {
    std::optional<double> visible, hidden;
    Verdict verdict;
  };
  for (const Case& one :
       {Case{0.01, 0.01, fit}, Case{0.03, 0.01, marginal}, Case{0.01, 0.03, marginal}, Case{0.06, 0.01, unfit},
        Case{0.01, 0.06, unfit}, Case{0.05, 0.05, marginal}, Case{0.025, 0.025, fit}, Case{{}, 0.06, unfit},
        Case{{}, 0.01, fit}, Case{0.03, {}, marginal}, Case{{}, {}, unknown}}) {
    CpuResult cpu = result(one.visible, one.hidden);
    EXPECT_EQ(judgeCpu(cpu, 0.05), one.verdict) << cpu.reason;
  }
}

TEST(JudgeCpu, AFewLongGapsMayBeOneBadMoment) {
  CpuResult cpu = result(0.0, 0.2);
  cpu.hidden.gaps = 9;
  EXPECT_EQ(judgeCpu(cpu, 0.05), Verdict::fit);
}

TEST(JudgeCpu, DoesNotFlap) {
  using enum Verdict;
  struct Case {
    double share;
    Verdict before, verdict;
  };
  for (const Case& one : {Case{0.045, unfit, unfit}, Case{0.04, unfit, marginal}, Case{0.045, marginal, marginal},
                          Case{0.051, fit, unfit}, Case{0.022, marginal, marginal}, Case{0.022, unfit, marginal},
                          Case{0.02, marginal, fit}, Case{0.02, unfit, fit}, Case{0.022, fit, fit},
                          Case{0.022, unknown, fit}, Case{0.045, unknown, marginal}}) {
    CpuResult seen = result(one.share, 0.0);
    EXPECT_EQ(judgeCpu(seen, 0.05, one.before), one.verdict) << one.share << " after " << name(one.before);
    CpuResult hidden = result({}, one.share);
    EXPECT_EQ(judgeCpu(hidden, 0.05, one.before), one.verdict) << one.share << " hidden after " << name(one.before);
  }
}

TEST(JudgeCpu, SaysTheNumbersThatDecided) {
  CpuResult cpu = result(0.004, 0.061);
  judgeCpu(cpu, 0.05);
  EXPECT_EQ(cpu.reason, "0.4 % of CPU time stolen over 5 min, 6.1 % hidden (longest gap 2.4 ms), limit 5.0 %");
  cpu = result(0.004, {});
  judgeCpu(cpu, 0.05);
  EXPECT_THAT(cpu.reason, HasSubstr("hidden steal unknown: not watched yet, limit 5.0 %"));
  cpu = result({}, {});
  cpu.visible = judgeSteal({}, false, "no hypervisor", 0.05);
  judgeCpu(cpu, 0.05);
  EXPECT_EQ(cpu.reason, "reported steal unavailable: no hypervisor, hidden steal unknown: not watched yet");
}

}  // namespace
}  // namespace bedplate::bench
