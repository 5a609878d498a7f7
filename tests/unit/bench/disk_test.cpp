#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <thread>

#include "tests/lib/temp_tree.h"
#include "tuning/bench/bench.h"
#include "tuning/bench/scratch.h"

namespace bedplate::bench {
namespace {

using testing::IsEmpty;

class Disk : public testing::Test {
 protected:
  Disk() {
    tree_.write("db/x", "");
    tree_.remove("db/x");
    options_.directory = "db";
    options_.perSecond = 0;
    options_.operations = 20;
  }
  void TearDown() override { EXPECT_THAT(tree_.files().list("db", 10).value(), IsEmpty()) << "something stayed"; }

  testlib::TempTree tree_;
  DiskOptions options_;
};

TEST_F(Disk, MeasuresEachSyncOnTheRealDisk) {
  options_.operations = 250;
  std::vector<double> shares;
  auto result = measureDisk(tree_.files(), options_, [&](double share) { shares.push_back(share); });
  ASSERT_TRUE(result) << result.error().text();
  const Percentiles found = percentilesOf(result->service);
  EXPECT_EQ(found.count, 250u);
  ASSERT_TRUE(found.p50Ns && found.p90Ns && found.p99Ns && found.p99LowNs);
  EXPECT_LE(*found.p50Ns, *found.p90Ns);
  EXPECT_LE(*found.p90Ns, *found.p99LowNs);
  EXPECT_LE(*found.p99LowNs, *found.p99Ns);
  EXPECT_LE(*found.p99Ns, found.maxNs);
  EXPECT_FALSE(found.p999Ns) << "250 are too few";
  EXPECT_GT(*found.p50Ns, 0u);
  EXPECT_EQ(result->response.count(), 0u) << "a closed loop has no schedule";
  EXPECT_GE(result->durationNs, found.maxNs);
  EXPECT_FALSE(result->stopped);
  EXPECT_NE(judgeDisk(*result, {}), Verdict::unknown);
  EXPECT_FALSE(result->judged.reason.empty());
  ASSERT_FALSE(shares.empty());
  EXPECT_EQ(shares.back(), 1.0);
  EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
}

TEST_F(Disk, KeepsThePaceAndNoFaster) {
  options_.perSecond = 200;
  const auto result = measureDisk(tree_.files(), options_);
  ASSERT_TRUE(result);
  // The 20th is due 95 ms after the first.
  EXPECT_GE(result->durationNs, 95'000'000u);
  EXPECT_EQ(result->service.count(), 20u);
  EXPECT_EQ(result->response.count(), 20u);
  EXPECT_GE(result->response.max(), result->service.max()) << "the write belongs to the response";
}

TEST_F(Disk, ADelayShowsInTheResponseFromTheSchedule) {
  options_.perSecond = 100;
  bool slept = false;
  const auto result = measureDisk(tree_.files(), options_, [&](double) {
    if (!slept) std::this_thread::sleep_for(std::chrono::milliseconds(300));
    slept = true;
  });
  ASSERT_TRUE(result);
  // The second was due 10 ms after the start and began after 300; a service time alone would hide that.
  EXPECT_GE(result->response.max(), 280'000'000u);
}

TEST_F(Disk, ARunThatEndsAtAStallCountsThoseThatWaited) {
  options_.perSecond = 1'000'000;  // all 20 are due within 20 us, less than any sync takes
  options_.stopAfterNs = 1;
  const auto result = measureDisk(tree_.files(), options_);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->service.count(), 1u);
  EXPECT_EQ(result->response.count(), 20u);
}

TEST_F(Disk, EndsAfterItsTimeWithWhatThereIs) {
  options_.operations = 1'000'000;
  options_.longestNs = 50'000'000;
  const auto result = measureDisk(tree_.files(), options_);
  ASSERT_TRUE(result);
  EXPECT_GT(result->service.count(), 0u);
  EXPECT_LT(result->service.count(), 1'000'000u);
  EXPECT_FALSE(result->stopped) << "nothing was wrong";
}

TEST_F(Disk, ACheckpointIsItsTwoFlushesAndWhatLiesBetween) {
  DiskResult result;
  std::vector<double> shares;
  const CheckpointOptions options{.directory = "db", .checkpoints = 3, .everyNs = 0};
  ASSERT_TRUE(measureCheckpoints(tree_.files(), options, result, [&](double share) { shares.push_back(share); }));
  EXPECT_EQ(result.checkpoints.count(), 3u);
  EXPECT_GT(result.checkpoints.max(), 0u);
  EXPECT_EQ(shares.size(), 3u);
  EXPECT_EQ(result.service.count(), 0u);
  std::atomic<bool> cancel = true;
  DiskResult none;
  ASSERT_TRUE(measureCheckpoints(tree_.files(), options, none, {}, &cancel));
  EXPECT_EQ(none.checkpoints.count(), 0u);
  EXPECT_TRUE(none.stopped);
}

TEST_F(Disk, EndsAtTheFirstSlowSync) {
  options_.stopAfterNs = 1;
  auto result = measureDisk(tree_.files(), options_);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->service.count(), 1u);
  EXPECT_TRUE(result->stopped);
  EXPECT_EQ(judgeDisk(*result, {}), Verdict::unknown);
}

TEST_F(Disk, EndsOnRequestAlsoWithinAWait) {
  options_.perSecond = 0.01;  // the second write is due after 100 s
  std::atomic<bool> first = false;
  std::atomic<bool> cancel = false;
  std::thread operatorsHand([&] {
    while (!first) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    cancel = true;
  });
  const auto result = measureDisk(tree_.files(), options_, [&](double) { first = true; }, &cancel);
  first = true;
  operatorsHand.join();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->service.count(), 1u);
  EXPECT_TRUE(result->stopped);
  EXPECT_LT(result->durationNs, 60'000'000'000u);
}

TEST_F(Disk, OptionsThatMakeNoSenseAreInvalid) {
  const auto refused = [this](auto change) {
    DiskOptions options = options_;
    change(options);
    const auto result = measureDisk(tree_.files(), options);
    return !result && result.error().reason == "Invalid";
  };
  EXPECT_TRUE(refused([](DiskOptions& o) { o.operations = 0; }));
  EXPECT_TRUE(refused([](DiskOptions& o) { o.writeBytes = 0; }));
  EXPECT_TRUE(refused([](DiskOptions& o) { o.writeBytes = 2'000'000; }));
  EXPECT_TRUE(refused([](DiskOptions& o) { o.perSecond = -1; }));
  EXPECT_TRUE(refused([](DiskOptions& o) { o.perSecond = std::numeric_limits<double>::quiet_NaN(); }));
  EXPECT_TRUE(refused([](DiskOptions& o) { o.perSecond = 1e-9; }));
}

TEST_F(Disk, ADirectoryThatIsNotThereIsNamed) {
  options_.directory = "none";
  const auto missing = measureDisk(tree_.files(), options_);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason, "NotFound");
  EXPECT_EQ(missing.error().thing, tree_.path() + "/none");
  EXPECT_FALSE(missing.error().todo.empty());
  tree_.write("file", "x");
  options_.directory = "file";
  EXPECT_FALSE(measureDisk(tree_.files(), options_));
  EXPECT_EQ(tree_.read("file"), "x");
}

TEST_F(Disk, WithoutUnnamedFilesNothingStaysEither) {
  // As a killed run might have left it.
  const std::string left = "db/.bedplate-bench-" + std::to_string(::getpid()) + "-0";
  tree_.write(left, "left");
  auto scratch = Scratch::open(tree_.files(), "db", 4096, /*unnamed=*/false);
  ASSERT_TRUE(scratch) << scratch.error().text();
  EXPECT_TRUE(scratch->append("x"));
  EXPECT_TRUE(scratch->sync());
  EXPECT_EQ(tree_.read(left), "left");
  tree_.remove(left);
}

TEST_F(Disk, BeginsANewSegmentWhereTheOldOneEnds) {
  auto scratch = Scratch::open(tree_.files(), "db", 10'000);
  ASSERT_TRUE(scratch);
  const std::string data(3'000, 'x');
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(scratch->makeRoom(data.size()));
    ASSERT_TRUE(scratch->append(data));
    EXPECT_LE(scratch->used(), 10'000u);
  }
  EXPECT_EQ(scratch->used(), 3'000u) << "the tenth stands alone in the fourth segment";
}

// In a mount namespace of its own: a file system of 256 KiB that lies in memory.
TEST_F(Disk, AFullDiskAndOneInMemoryAreSaid) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root to mount a small file system";
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(ends[0]);
    std::string said = "unshare";
    const std::string mountPoint = tree_.path() + "/db";
    if (::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
        ::mount("tmpfs", mountPoint.c_str(), "tmpfs", 0, "size=256k") == 0) {
      // Opened anew: the tree's own descriptor still sees the old mounts.
      auto files = host::HostFiles::open(tree_.path()).value();
      options_.operations = 50;
      auto inMemory = measureDisk(files, options_);
      said = inMemory ? name(judgeDisk(*inMemory, {})) : inMemory.error().text();
      if (inMemory) said += " " + inMemory->judged.reason;
      said += liesInMemory(files, "db").value_or(false) ? "" : " liesInMemory does not see it";
      options_.operations = 1000;
      const auto full = measureDisk(files, options_);
      said += full ? " no error" : " " + full.error().reason;
    }
    const bool ok = ::write(ends[1], said.data(), said.size()) == static_cast<ssize_t>(said.size());
    ::_exit(ok ? 0 : 1);
  }
  ::close(ends[1]);
  char buffer[512];
  const ssize_t n = ::read(ends[0], buffer, sizeof buffer);
  ::close(ends[0]);
  ::waitpid(pid, nullptr, 0);
  const std::string said(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
  if (said == "unshare") GTEST_SKIP() << "SKIPPED: no mount namespace to be had here";
  EXPECT_EQ(said, "unknown the directory lies in memory, there is no disk to measure NoSpace");
}

}  // namespace
}  // namespace bedplate::bench
