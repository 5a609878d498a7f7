#include "tuning/bench/verdict.h"

#include <gtest/gtest.h>

namespace bedplate::bench {
namespace {

constexpr Verdict fit = Verdict::fit, marginal = Verdict::marginal, unfit = Verdict::unfit, unknown = Verdict::unknown;

TEST(Settle, GetsWorseAtOnce) {
  Steady steady = settle({}, fit, fit);
  EXPECT_EQ(steady.verdict, fit);
  EXPECT_EQ(settle(steady, marginal, marginal).verdict, marginal);
  EXPECT_EQ(settle(steady, unfit, unfit).verdict, unfit);
}

TEST(Settle, GetsBetterAfterThreeGoodReadings) {
  Steady steady = settle({}, unfit, unfit);
  for (int i = 1; i < kGoodReadings; ++i) {
    steady = settle(steady, fit, fit);
    EXPECT_EQ(steady.verdict, unfit) << i;
  }
  EXPECT_EQ(settle(steady, fit, fit).verdict, fit);
}

TEST(Settle, ABadReadingBetweenBeginsTheCountAgain) {
  Steady steady = settle({}, unfit, unfit);
  steady = settle(steady, fit, fit);
  steady = settle(steady, fit, fit);
  steady = settle(steady, unfit, unfit);
  steady = settle(steady, fit, fit);
  steady = settle(steady, fit, fit);
  EXPECT_EQ(steady.verdict, unfit);
}

// Under the limit, but not by a fifth: as before.
TEST(Settle, JustUnderTheLimitIsNotBetter) {
  Steady steady = settle({}, unfit, unfit);
  for (int i = 0; i < 20; ++i) steady = settle(steady, marginal, unfit);
  EXPECT_EQ(steady.verdict, unfit);
}

TEST(Settle, NumbersAtALimitDoNotFlap) {
  Steady steady = settle({}, marginal, marginal);
  int changes = 0;
  for (int i = 0; i < 100; ++i) {
    const Steady next = settle(steady, i % 2 == 0 ? unfit : marginal, i % 2 == 0 ? unfit : marginal);
    changes += next.verdict != steady.verdict ? 1 : 0;
    steady = next;
  }
  EXPECT_EQ(changes, 1);
  EXPECT_EQ(steady.verdict, unfit);
}

TEST(Settle, TakesTheWorstOfTheGoodReadings) {
  Steady steady = settle({}, unfit, unfit);
  steady = settle(steady, fit, fit);
  steady = settle(steady, marginal, marginal);
  steady = settle(steady, fit, fit);
  EXPECT_EQ(steady.verdict, marginal);
}

TEST(Settle, UnknownIsNoJudgement) {
  Steady steady = settle({}, unfit, unfit);
  steady = settle(steady, unknown, unknown);
  EXPECT_EQ(steady.verdict, unknown);
  EXPECT_EQ(settle(steady, fit, fit).verdict, fit);
}

}  // namespace
}  // namespace bedplate::bench
