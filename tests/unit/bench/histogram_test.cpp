#include <gtest/gtest.h>

#include "tuning/bench/bench.h"

namespace bedplate::bench {
namespace {

struct Bucket {
  std::uint64_t ns;
  std::size_t index;
  std::uint64_t middle;
};

TEST(Histogram, HasTheBucketsOfFio) {
  const Bucket table[] = {
      {0, 0, 0},
      {1, 1, 1},
      {63, 63, 63},
      {64, 64, 64},
      {127, 127, 127},
      {128, 128, 129},
      {129, 128, 129},
      {130, 129, 131},
      {255, 191, 255},
      {256, 192, 258},
      {1'000, 317, 1'004},
      {1'000'000, 954, 1'003'520},
      {10'000'000, 1164, 10'027'008},
      {1'000'000'000, 1591, 1'002'438'656},
      {(std::uint64_t{1} << 34) - 1, 1855, 17'112'760'320},
      {std::uint64_t{1} << 34, 1855, 17'112'760'320},
      {~std::uint64_t{0}, 1855, 17'112'760'320},
  };
  for (const Bucket& bucket : table) {
    EXPECT_EQ(Histogram::indexOf(bucket.ns), bucket.index) << bucket.ns;
    EXPECT_EQ(Histogram::valueOf(bucket.index), bucket.middle) << bucket.ns;
  }
}

TEST(Histogram, TheMiddleOfABucketLiesInItAndIsNearItsSamples) {
  for (std::size_t index = 0; index < 29 * 64; ++index) EXPECT_EQ(Histogram::indexOf(Histogram::valueOf(index)), index);
  for (std::uint64_t ns = 1; ns < (std::uint64_t{1} << 34); ns = ns * 9 / 8 + 1) {
    const std::uint64_t middle = Histogram::valueOf(Histogram::indexOf(ns));
    const std::uint64_t off = middle > ns ? middle - ns : ns - middle;
    EXPECT_LE(off, ns / 128 + 1) << ns;
  }
}

TEST(Histogram, PercentilesAreTheFirstBucketThatReachesTheShare) {
  Histogram histogram;
  EXPECT_EQ(histogram.percentile(99), 0u);
  for (std::uint64_t ns = 1; ns <= 100; ++ns) histogram.add(ns);
  EXPECT_EQ(histogram.count(), 100u);
  EXPECT_EQ(histogram.max(), 100u);
  EXPECT_EQ(histogram.percentile(50), 50u);
  EXPECT_EQ(histogram.percentile(50.5), 51u);
  EXPECT_EQ(histogram.percentile(99), 99u);
  EXPECT_EQ(histogram.percentile(99.9), 100u);
  EXPECT_EQ(histogram.percentile(100), 100u);
  EXPECT_EQ(histogram.percentile(0.001), 1u);
}

TEST(Histogram, OneSlowSampleAmongAThousandIsInTheTailOnly) {
  Histogram histogram;
  for (int i = 0; i < 999; ++i) histogram.add(100'000);
  histogram.add(50'000'000);
  EXPECT_EQ(histogram.percentile(99.5), Histogram::valueOf(Histogram::indexOf(100'000)));
  // 99.9 as a double is a little more than 99.9: of 1000 samples that is the last one, in fio too.
  EXPECT_EQ(histogram.percentile(99.9), Histogram::valueOf(Histogram::indexOf(50'000'000)));
  EXPECT_EQ(histogram.max(), 50'000'000u);
}

}  // namespace
}  // namespace bedplate::bench
