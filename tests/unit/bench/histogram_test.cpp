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

TEST(Histogram, AddedUpAndTakenOutAgain) {
  Histogram all, first, second;
  for (std::uint64_t ns = 100; ns < 5'000'000'000; ns = ns * 4 / 3) {
    (ns % 2 == 0 ? first : second).add(ns);
    all.add(ns);
  }
  Histogram sum = first;
  sum.merge(second);
  EXPECT_EQ(sum.buckets(), all.buckets());
  EXPECT_EQ(sum.count(), all.count());
  EXPECT_EQ(sum.max(), all.max());
  Histogram sparse;
  EXPECT_TRUE(sparse.merge(first.sparse(), first.max()));
  EXPECT_TRUE(sparse.merge(second.sparse(), second.max()));
  EXPECT_EQ(sparse.buckets(), all.buckets());
  EXPECT_EQ(sparse.max(), all.max());
  sparse.take(second.sparse());
  EXPECT_EQ(sparse.buckets(), first.buckets());
  EXPECT_EQ(sparse.count(), first.count());
  EXPECT_FALSE(sparse.merge({{std::uint16_t{Histogram::kBuckets}, 1}}, 1));
  EXPECT_EQ(sparse.count(), first.count());
}

TEST(Histogram, CountsWhatIsOverALimit) {
  Histogram histogram;
  for (const std::uint64_t ms : {1U, 9U, 10U, 11U, 500U}) histogram.add(ms * 1'000'000);
  EXPECT_EQ(histogram.above(10'000'000), 2u);
  EXPECT_EQ(histogram.above(0), 5u);
  EXPECT_EQ(histogram.above(~std::uint64_t{0}), 0u);
}

TEST(Percentiles, AreNotNamedFromTooFew) {
  const std::pair<double, std::uint64_t> table[] = {{50, 4}, {90, 20}, {99, 200}, {99.9, 2000}};
  for (const auto& [percent, count] : table) EXPECT_EQ(enoughFor(percent), count);
  Histogram histogram;
  EXPECT_FALSE(percentilesOf(histogram).p50Ns);
  for (int i = 0; i < 199; ++i) histogram.add(1000);
  EXPECT_TRUE(percentilesOf(histogram).p90Ns);
  EXPECT_FALSE(percentilesOf(histogram).p99Ns);
  EXPECT_FALSE(percentilesOf(histogram).p99LowNs);
  histogram.add(1000);
  EXPECT_EQ(percentilesOf(histogram).p99Ns, 1000u) << "not the middle of the bucket, which is over the maximum";
  EXPECT_FALSE(percentilesOf(histogram).p999Ns);
}

// Samples 1 to n in buckets of one value each: ranks can be read off.
TEST(Percentiles, IntervalOfP99ByOrderStatistics) {
  Histogram few;
  for (std::uint64_t i = 0; i < 200; ++i) few.add(i % 100 + 1);
  // 198 -+ 2.76 of 200.
  EXPECT_EQ(percentilesOf(few).p99LowNs, few.ranked(195));
  EXPECT_FALSE(percentilesOf(few).p99HighNs);
  Histogram more;
  for (std::uint64_t i = 0; i < 1000; ++i) more.add(i / 10 + 1);
  // 990 -+ 6.17 of 1000: ranks 983 and 997.
  EXPECT_EQ(percentilesOf(more).p99LowNs, 99u);
  EXPECT_EQ(percentilesOf(more).p99Ns, 99u);
  EXPECT_EQ(percentilesOf(more).p99HighNs, 100u);
}

TEST(Histogram, RanksAreThoseOfTheSortedSamples) {
  Histogram histogram;
  for (const std::uint64_t ns : {5U, 5U, 7U, 90U}) histogram.add(ns);
  EXPECT_EQ(histogram.ranked(1), 5u);
  EXPECT_EQ(histogram.ranked(2), 5u);
  EXPECT_EQ(histogram.ranked(3), 7u);
  EXPECT_EQ(histogram.ranked(4), 90u);
  EXPECT_EQ(histogram.ranked(9), 90u);
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
