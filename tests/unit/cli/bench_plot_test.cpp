#include "agent/cli/bench_plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/report/text.h"

namespace bedplate::cli {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

bench::Histogram histogram(const std::vector<std::pair<std::uint64_t, int>>& samples) {
  bench::Histogram result;
  for (const auto& [us, count] : samples)
    for (int i = 0; i < count; ++i) result.add(us * 1000);
  return result;
}

TEST(Plot, ABarARowEachByItsShare) {
  const auto samples = histogram({{120, 400}, {180, 100}, {12'000, 1}});
  const auto lines = plot({{"fdatasync", &samples}}, {60, false, 10'000'000});
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_EQ(lines[0], "      up to fdatasync");
  // 60 - 12 - 8 - 1 cells.
  EXPECT_EQ(lines[1], "    0.15 ms " + std::string(39, '#') + "     400");
  EXPECT_EQ(lines[2], "     0.2 ms " + std::string(10, '#') + std::string(29, ' ') + "     100");
  EXPECT_EQ(lines[3], "      15 ms!#" + std::string(38, ' ') + "       1") << "seen, and over the limit";
}

TEST(Plot, UnicodeHasEighths) {
  const auto samples = histogram({{120, 800}, {180, 101}});
  const auto lines = plot({{"x", &samples}}, {40, true, 0});
  EXPECT_THAT(lines[1], HasSubstr("███████████████████     800"));
  EXPECT_THAT(lines[2], HasSubstr("██▍"));
}

TEST(Plot, FitsItsColumnsWhateverItDraws) {
  const auto wide = histogram({{1, 1}, {30, 1'000'000}, {900, 30}, {80'000, 1}, {9'000'000, 2}, {30'000'000, 1}});
  const auto narrow = histogram({{100, 5}});
  for (const int columns : {40, 80, 120})
    for (const bool utf8 : {false, true}) {
      const auto lines = plot({{"paced", &wide}, {"closed loop", &narrow}}, {columns, utf8, 10'000'000});
      EXPECT_LE(lines.size(), 22u);
      for (const auto& line : lines) EXPECT_LE(report::columns(line), columns) << line;
    }
}

TEST(Plot, NothingIsNothing) {
  const bench::Histogram none;
  EXPECT_THAT(plot({{"x", &none}}, {80, false, 0}), IsEmpty());
  const auto some = histogram({{100, 5}});
  EXPECT_THAT(plot({{"x", &none}, {"y", &some}}, {80, false, 0}), SizeIs(2));
}

}  // namespace
}  // namespace bedplate::cli
