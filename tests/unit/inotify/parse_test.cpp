#include "tuning/inotify/parse.h"

#include <gtest/gtest.h>

namespace bedplate::inotify {
namespace {

constexpr const char* kInfo =
    "pos:\t0\nflags:\t02004000\nmnt_id:\t15\nino:\t1060\n"
    "inotify wd:2 ino:1f sdev:800010 mask:800afce ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:1f\n"
    "inotify wd:1 ino:2 sdev:800010 mask:3 ignored_mask:0\n";

TEST(WatchCount, CountsLinesHoweverTheyAreCut) {
  const std::string text = kInfo;
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    WatchCount count;
    for (std::size_t at = 0; at < text.size(); at += piece) count.take(std::string_view(text).substr(at, piece));
    EXPECT_EQ(count.watches(), 2) << piece;
  }
}

TEST(WatchCount, TakesOnlyTheBeginningOfALine) {
  WatchCount count;
  count.take(" inotify wd:1\ninotify inotify wd:2\ninotify wd\ninotify wd:");
  EXPECT_EQ(count.watches(), 1) << "the last one";
}

TEST(ParseNumber, TakesDigitsOnly) {
  EXPECT_EQ(parseNumber("1"), 1);
  EXPECT_EQ(parseNumber("0"), 0);
  for (const char* bad : {"", "-1", "+1", "1a", "self", "99999999999"}) EXPECT_FALSE(parseNumber(bad)) << bad;
}

TEST(FileNumbers, AreThree) {
  const auto numbers = parseFileNumbers("2619\t0\t9223372036854775807\n");
  ASSERT_TRUE(numbers);
  EXPECT_EQ(numbers->used, 2619);
  EXPECT_EQ(numbers->limit, 9223372036854775807);
  for (const char* bad : {"", "1 2", "1 2 -3\n", "1 2 3 4\n", "a b c\n", "1 2 9223372036854775808\n"})
    EXPECT_FALSE(parseFileNumbers(bad)) << bad;
}

}  // namespace
}  // namespace bedplate::inotify
