#include "tuning/bench/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tuning/bench/disk.h"

namespace bedplate::bench {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kMs = 1'000'000;

DiskSeen seen(std::uint64_t quick, std::uint64_t slow, std::uint64_t slowNs, std::uint64_t quickNs = kMs) {
  DiskSeen seen;
  for (std::uint64_t i = 0; i < quick; ++i) seen.service.add(quickNs);
  for (std::uint64_t i = 0; i < slow; ++i) seen.service.add(slowNs);
  if (slowNs > kStallNs) seen.stalls = slow;
  return seen;
}

TEST(JudgeDisk, ByP99AgainstTheLimit) {
  const std::pair<std::uint64_t, Verdict> table[] = {{kMs, Verdict::fit},
                                                     {49 * kMs / 10, Verdict::fit},
                                                     {51 * kMs / 10, Verdict::marginal},
                                                     {99 * kMs / 10, Verdict::marginal},
                                                     {102 * kMs / 10, Verdict::unfit},
                                                     {400 * kMs, Verdict::unfit}};
  for (const auto& [p99, verdict] : table) {
    const Judged judged = judgeDisk(seen(490, 10, p99), {});
    EXPECT_EQ(judged.verdict, verdict) << p99;
    EXPECT_THAT(judged.reason, HasSubstr("over 500 writes, limit 10 ms"));
  }
}

TEST(JudgeDisk, TheLimitIsTheOperators) {
  EXPECT_EQ(judgeDisk(seen(490, 10, 15 * kMs), {.p99Ns = 40 * kMs}).verdict, Verdict::fit);
  EXPECT_EQ(judgeDisk(seen(490, 10, 15 * kMs), {.p99Ns = 20 * kMs}).verdict, Verdict::marginal);
  EXPECT_EQ(judgeDisk(seen(490, 10, 15 * kMs), {.p99Ns = 2 * kMs}).verdict, Verdict::unfit);
}

TEST(JudgeDisk, ReasonHoldsTheNumbers) {
  EXPECT_EQ(judgeDisk(seen(498, 2, 1'204 * kMs), {}).reason,
            "p99 1.0 ms over 500 writes, limit 10 ms, 2 over 500 ms, the slowest 1.20 s");
}

TEST(JudgeDisk, AStallIsNeverFit) {
  EXPECT_EQ(judgeDisk(seen(999, 1, 600 * kMs), {}).verdict, Verdict::marginal);
  EXPECT_EQ(judgeDisk(seen(20, 1, 600 * kMs), {}).verdict, Verdict::marginal) << "few samples do not hide it";
}

TEST(JudgeDisk, FewSamplesAreNoVerdict) {
  const Judged judged = judgeDisk(seen(199, 0, 0), {});
  EXPECT_EQ(judged.verdict, Verdict::unknown);
  EXPECT_EQ(judged.reason, "199 writes are too few for a p99, it takes 200");
  EXPECT_EQ(judgeDisk(seen(200, 0, 0), {}).verdict, Verdict::fit);
  EXPECT_EQ(judgeDisk({}, {}).verdict, Verdict::unknown);
}

// Three of 200 are more than one in a hundred: whatever the writes that are missing would have taken, p99 is over.
TEST(JudgeDisk, SoManySlowOnesThatMoreWritesCouldNotHelp) {
  EXPECT_EQ(judgeDisk(seen(30, 2, 40 * kMs), {}).verdict, Verdict::unknown);
  const Judged judged = judgeDisk(seen(30, 3, 40 * kMs), {});
  EXPECT_EQ(judged.verdict, Verdict::unfit);
  EXPECT_EQ(judged.reason, "3 of 33 writes over the limit of 10 ms");
  EXPECT_EQ(judgeDisk(seen(197, 3, 40 * kMs), {}).verdict, Verdict::unfit) << "and so it stays with the rest";
}

TEST(JudgeDisk, OfSqliteCheckpointsAreJudgedAndItSaysSo) {
  DiskSeen all = seen(490, 10, 80 * kMs);
  const DiskLimits sqlite{.sqlite = true};
  EXPECT_EQ(judgeDisk(all, {}).verdict, Verdict::unfit);
  EXPECT_EQ(judgeDisk(all, sqlite).verdict, Verdict::unknown) << "none was measured";
  for (int i = 0; i < 20; ++i) all.checkpoints.add(120 * kMs);
  EXPECT_EQ(judgeDisk(all, sqlite).verdict, Verdict::fit);
  EXPECT_EQ(judgeDisk(all, sqlite).reason,
            "SQLite flushes at checkpoints only: p90 120 ms over 20 checkpoints, limit 1.00 s");
  all.checkpoints.add(1'300 * kMs);
  EXPECT_EQ(judgeDisk(all, sqlite).verdict, Verdict::marginal);
  EXPECT_THAT(judgeDisk(all, sqlite).reason, HasSubstr("1 over 1.00 s, the slowest 1.30 s"));
  all.checkpoints.add(1'300 * kMs);
  all.checkpoints.add(1'300 * kMs);
  EXPECT_EQ(judgeDisk(all, sqlite).verdict, Verdict::unfit) << "3 of 23 are more than one in ten";
}

TEST(JudgeDisk, OfARun) {
  DiskResult result;
  for (int i = 0; i < 300; ++i) result.service.add(2 * kMs);
  result.stopped = true;
  EXPECT_EQ(judgeDisk(result, {}), Verdict::fit);
  EXPECT_THAT(result.judged.reason, HasSubstr(", ended early"));
  result.inMemory = true;
  EXPECT_EQ(judgeDisk(result, {}), Verdict::unknown);
}

}  // namespace
}  // namespace bedplate::bench
