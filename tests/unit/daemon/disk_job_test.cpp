#include "agent/daemon/disk_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/lib/temp_tree.h"
#include "tuning/bench/bench.h"

namespace bedplate::daemon {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kMinuteNs = 60'000'000'000;

class DiskJobTest : public testing::Test {
 protected:
  DiskJobTest() {
    tree.write("var/lib/rancher/k3s/server/db/etcd/name", "x");
    measuring.active = true;
    measuring.node = "web-01";
    measuring.diskForMs = 2000;
  }
  std::optional<std::int64_t> due() { return job.dueNs(measuring, clock.monotonic); }
  Measured run() { return job.run(measuring, cancel).value(); }

  testlib::TempTree tree;
  testlib::FakeClock clock;
  Measuring measuring;
  std::atomic<bool> cancel = false;
  DiskJob job{tree.files(), clock};
};

TEST_F(DiskJobTest, TheFirstRoundIsSomeMinutesAfterTheStartAndDoesNotMove) {
  const auto first = due();
  ASSERT_TRUE(first);
  EXPECT_GE(*first - clock.monotonic, 3 * kMinuteNs);
  EXPECT_LE(*first - clock.monotonic, 13 * kMinuteNs);
  clock.advanceMs(60'000);
  EXPECT_EQ(due(), first);
}

// At the very first start the defaults stand until the first sync.
TEST_F(DiskJobTest, TheFirstRoundIsBySettingsThatComeLater) {
  const std::int64_t start = clock.monotonic;
  ASSERT_TRUE(due());
  clock.advanceMs(2'000);
  measuring.diskEveryMs = 60'000;
  EXPECT_GE(*due(), start + kMinuteNs);
  EXPECT_LT(*due(), start + 2 * kMinuteNs);
}

TEST_F(DiskJobTest, AFleetIsSpread) {
  std::set<std::int64_t> slots;
  for (int i = 0; i < 500; ++i) {
    DiskJob one(tree.files(), clock);
    measuring.node = "web-" + std::to_string(i);
    slots.insert(one.dueNs(measuring, clock.monotonic).value() / 1'000'000'000);
  }
  EXPECT_GT(slots.size(), 300u) << "of 600 seconds";
}

TEST_F(DiskJobTest, NotWithoutARepositoryNorBesideEtcdsOwnNumbers) {
  measuring.active = false;
  EXPECT_FALSE(due());
  measuring.active = true;
  measuring.passiveDisk = true;
  EXPECT_FALSE(due());
  measuring.passiveDisk = false;
  EXPECT_TRUE(due());
}

TEST_F(DiskJobTest, ARestartIsNoReasonToMeasureAgain) {
  measuring.diskMeasuredUs = clock.wall - 60'000'000;
  EXPECT_EQ(due(), clock.monotonic + 29 * kMinuteNs);
  DiskJob later(tree.files(), clock);
  measuring.diskMeasuredUs = clock.wall + 3'600'000'000;  // the clock was set back
  EXPECT_LE(later.dueNs(measuring, clock.monotonic).value(), clock.monotonic + 13 * kMinuteNs);
}

TEST_F(DiskJobTest, MeasuresOnTheDatastoresDiskAndComesBackInTime) {
  const std::int64_t began = clock.monotonic;
  const Measured measured = run();
  EXPECT_EQ(measured.probe, "disk");
  if (!measured.keep) GTEST_SKIP() << "SKIPPED: " << measured.json;
  const auto round = bench::diskRound(measured.json);
  ASSERT_TRUE(round) << measured.json;
  EXPECT_EQ(round->wallUs, clock.wall);
  EXPECT_FALSE(round->sqlite);
  EXPECT_THAT(measured.json, HasSubstr(R"("perSecond":10.0)"));
  EXPECT_FALSE(tree.exists("var/lib/rancher/k3s/server/db/.bedplate-bench"));
  EXPECT_EQ(due(), began + 30 * kMinuteNs);
  measuring.diskEveryMs = 10 * 60'000;
  EXPECT_EQ(job.dueNs(measuring, clock.monotonic).value() >= began + 3 * kMinuteNs, true) << "a commit changes it";
}

TEST_F(DiskJobTest, WithSqliteCheckpointsAreMeasuredToo) {
  tree.remove("var/lib/rancher/k3s/server/db/etcd/name");
  tree.remove("var/lib/rancher/k3s/server/db/etcd");
  tree.write("var/lib/rancher/k3s/server/db/state.db", "x");
  const Measured measured = run();
  if (!measured.keep) GTEST_SKIP() << "SKIPPED: " << measured.json;
  const auto round = bench::diskRound(measured.json);
  ASSERT_TRUE(round);
  EXPECT_TRUE(round->sqlite);
  std::uint32_t checkpoints = 0;
  for (const auto& [index, count] : round->checkpoints) checkpoints += count;
  EXPECT_TRUE(round->stalls > 0 || checkpoints >= 1);
}

TEST_F(DiskJobTest, ABusyDiskIsLeftAloneForAWhile) {
  tree.write("proc/pressure/io", "some avg10=34.20 avg60=1.00 avg300=0.00 total=5\nfull avg10=0.00 total=0\n");
  ASSERT_TRUE(due());
  clock.advanceMs(20 * 60'000);
  const Measured measured = run();
  EXPECT_FALSE(measured.keep);
  const auto skip = bench::diskSkip(measured.json);
  ASSERT_TRUE(skip);
  EXPECT_EQ(skip->reason, "the disk is busy: tasks waited for it in 34 % of the last 10 s, over 20 %");
  EXPECT_EQ(skip->wallUs, clock.wall);
  EXPECT_EQ(due(), clock.monotonic + 5 * kMinuteNs);
}

TEST_F(DiskJobTest, WithoutAnyDirectoryOfK3sItsFutureDiskIsMeasured) {
  testlib::TempTree none;
  DiskJob lost(none.files(), clock);
  const auto measured = lost.run(measuring, cancel);
  ASSERT_TRUE(measured);
  EXPECT_TRUE(bench::diskRound(measured->json) || bench::diskSkip(measured->json)) << measured->json;
}

TEST_F(DiskJobTest, CancelEndsIt) {
  measuring.diskForMs = 600'000;
  cancel = true;
  const auto measured = run();
  if (!measured.keep) GTEST_SKIP() << "SKIPPED: " << measured.json;
  EXPECT_THAT(measured.json, HasSubstr(R"("stopped":true)"));
}

}  // namespace
}  // namespace bedplate::daemon
