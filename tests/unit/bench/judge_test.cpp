#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tuning/bench/bench.h"

namespace bedplate::bench {
namespace {

using testing::HasSubstr;

DiskResult measured(std::uint64_t operations, std::uint64_t p99Ns) {
  DiskResult result;
  result.operations = operations;
  result.p99Ns = p99Ns;
  result.maxNs = p99Ns;
  return result;
}

TEST(JudgeDisk, ByP99AgainstTheLimitAtItsEdges) {
  DiskOptions options;
  options.p99LimitNs = 10'000'000;
  const std::pair<std::uint64_t, Verdict> table[] = {{1'000'000, Verdict::fit},      {5'000'000, Verdict::fit},
                                                     {5'000'001, Verdict::marginal}, {10'000'000, Verdict::marginal},
                                                     {10'000'001, Verdict::unfit},   {900'000'000, Verdict::unfit}};
  for (const auto& [p99, verdict] : table) {
    DiskResult result = measured(500, p99);
    EXPECT_EQ(judgeDisk(result, options), verdict) << p99;
    EXPECT_EQ(result.verdict, verdict);
    EXPECT_THAT(result.reason, HasSubstr("over 500 writes, limit 10 ms"));
  }
}

TEST(JudgeDisk, ReasonHoldsTheNumbers) {
  DiskResult result = measured(500, 12'340'000);
  result.stalls = 2;
  result.maxNs = 1'204'000'000;
  result.stopped = true;
  judgeDisk(result, {});
  EXPECT_EQ(result.reason, "p99 12 ms over 500 writes, limit 10 ms, 2 over 500 ms, the slowest 1.20 s, ended early");
}

TEST(JudgeDisk, AStallIsNeverFit) {
  DiskResult result = measured(1000, 1'000'000);
  result.stalls = 1;
  result.maxNs = 600'000'000;
  EXPECT_EQ(judgeDisk(result, {}), Verdict::marginal);
}

TEST(JudgeDisk, FewSamplesAreNoVerdict) {
  DiskResult result = measured(199, 900'000'000);
  result.stalls = 100;
  EXPECT_EQ(judgeDisk(result, {}), Verdict::unknown);
  EXPECT_THAT(result.reason, HasSubstr("199 writes are too few to judge, it takes 200"));
  result = measured(200, 1'000'000);
  EXPECT_EQ(judgeDisk(result, {}), Verdict::fit);
  result = measured(0, 0);
  EXPECT_EQ(judgeDisk(result, {}), Verdict::unknown);
}

}  // namespace
}  // namespace bedplate::bench
