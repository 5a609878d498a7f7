#include "agent/daemon/schedule.h"

#include <gtest/gtest.h>

namespace bedplate::daemon {
namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kSecondNs = 1'000'000'000;

TEST(Schedule, SpreadsTheIntervalByATenth) {
  Schedule schedule(kMinute);
  EXPECT_EQ(schedule.next(false, 0.0), 54'000);
  EXPECT_EQ(schedule.next(false, 0.5), 60'000);
  EXPECT_LE(schedule.next(false, 0.999999), 66'000);
}

TEST(Schedule, BacksOffToAQuarterOfAnHourAndComesBack) {
  Schedule schedule(kMinute);
  for (const std::int64_t minutes : {1, 2, 4, 8, 15, 15, 15}) EXPECT_EQ(schedule.next(true, 0.5), minutes * kMinute);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(schedule.next(true, 0.5), 15 * kMinute);
  EXPECT_EQ(schedule.next(false, 0.5), kMinute);
  EXPECT_EQ(schedule.next(true, 0.5), kMinute);
}

TEST(Schedule, RetriesALongIntervalSooner) {
  Schedule schedule(60 * kMinute);
  EXPECT_EQ(schedule.next(true, 0.5), kMinute);
  EXPECT_EQ(schedule.next(true, 0.5), 2 * kMinute);
  EXPECT_EQ(schedule.next(false, 0.5), 60 * kMinute);
}

TEST(Schedule, AShortIntervalIsRetriedShortly) {
  Schedule schedule(1000);
  EXPECT_EQ(schedule.next(true, 0.5), 1000);
  EXPECT_EQ(schedule.next(true, 0.5), 2000);
  schedule.setInterval(5000);
  EXPECT_EQ(schedule.next(true, 0.5), 5000);
}

TEST(Patience, LooksAtOnceUntilThereAreVeryMany) {
  Patience patience;
  std::int64_t now = 0;
  for (int i = 0; i < 199; ++i) {
    patience.looked(now += kSecondNs / 100);
    EXPECT_EQ(patience.delayMs(now), 2);
  }
  patience.looked(now);
  EXPECT_EQ(patience.delayMs(now), 250);
  for (int i = 0; i < 1000; ++i) patience.looked(now);
  EXPECT_EQ(patience.delayMs(now), 250);
  EXPECT_EQ(patience.delayMs(now + 11 * kSecondNs), 2);
}

}  // namespace
}  // namespace bedplate::daemon
