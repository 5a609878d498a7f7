#include "agent/report/text.h"

#include <gtest/gtest.h>

namespace bedplate::report {
namespace {

TEST(Clean, LetsNothingReachTheTerminalThatActs) {
  EXPECT_EQ(clean("a\x1b[31mb"), "a?[31mb");
  EXPECT_EQ(clean("a\x7f\x01"), "a??");
  EXPECT_EQ(clean("\xc2\x9b"
                  "31m"),
            "?31m");                          // C1 CSI
  EXPECT_EQ(clean("x\xe2\x80\xaey"), "x?y");  // U+202E turns the direction
  EXPECT_EQ(clean("a\xff"
                  "b\xc3"),
            "a?b?");                                  // no UTF-8
  EXPECT_EQ(clean("\xc0\xaf\xed\xa0\x80"), "?????");  // overlong, surrogate
  EXPECT_EQ(clean("two\nlines\tand"), "two lines and");
  EXPECT_EQ(clean("bl\xc3\xa5 \xe2\x82\xac"), "bl\xc3\xa5 \xe2\x82\xac");
}

TEST(Fit, CutsAtColumnsNotBytes) {
  EXPECT_EQ(fit("abcdef", 6), "abcdef");
  EXPECT_EQ(fit("abcdefg", 6), "abc...");
  EXPECT_EQ(fit("\xc3\xa5\xc3\xa5\xc3\xa5\xc3\xa5\xc3\xa5\xc3\xa5\xc3\xa5", 6), "\xc3\xa5\xc3\xa5\xc3\xa5...");
  EXPECT_EQ(columns("\xe6\xbc\xa2\xe5\xad\x97"), 4);  // two wide characters
  EXPECT_EQ(columns(fit("\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97", 6)), 5);
  EXPECT_EQ(fit("abc", 2), "ab");
  EXPECT_EQ(fit("abc", 0), "");
}

TEST(Duration, IsTheLargestUnitThatStillSaysSomething) {
  EXPECT_EQ(duration(119'000'000), "119s");
  EXPECT_EQ(duration(120'000'000), "2m");
  EXPECT_EQ(duration(7'199'000'000), "119m");
  EXPECT_EQ(duration(7'200'000'000), "2h");
  EXPECT_EQ(duration(172'800'000'000), "2d");
  EXPECT_EQ(duration(-5), "0s");
  EXPECT_EQ(ago(0, 5), "never");
  EXPECT_EQ(ago(10'000'000, 5'000'000), "0s ago");  // a clock that was set back
}

TEST(ClockTime, NamesTheDayOnlyWhenItIsAnother) {
  constexpr std::int64_t now = 1'790'000'000'000'000;  // 2026-09-21T14:13:20Z
  EXPECT_EQ(clockTime(now, now, 0), "14:13:20");
  EXPECT_EQ(clockTime(now, now, 7200), "16:13:20");
  EXPECT_EQ(clockTime(now - 86'400'000'000, now, 0), "2026-09-20 14:13");
  EXPECT_EQ(dateTime(now, -3600), "2026-09-21 13:13:20");
}

}  // namespace
}  // namespace bedplate::report
