#include "agent/daemon/cpu_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/lib/temp_tree.h"

namespace bedplate::daemon {
namespace {

using nlohmann::json;

constexpr std::int64_t kSecond = 1'000'000'000;

class CpuJobTest : public testing::Test {
 protected:
  CpuJobTest() { measuring_.active = true; }

  // Until the next time the job is due, with 3 of 100 ticks stolen; what it found.
  std::optional<Measured> next() {
    const std::int64_t due = job_.dueNs(measuring_, clock_.monotonicNs()).value_or(0);
    const std::int64_t ms = std::max<std::int64_t>(due - clock_.monotonicNs(), 0) / 1'000'000;
    clock_.advanceMs(ms);
    const auto ticks = static_cast<std::uint64_t>(ms / 10);
    steal_ += ticks * 3 / 100;
    user_ += ticks - ticks * 3 / 100;
    const std::string line = " " + std::to_string(user_) + " 0 0 0 0 0 0 " + std::to_string(steal_) + " 0 0\n";
    tree_.write("proc/stat", "cpu " + line + "cpu0" + line);
    return job_.run(measuring_, cancel_);
  }

  testlib::TempTree tree_;
  testlib::FakeClock clock_;
  std::atomic<bool> cancel_ = false;
  Measuring measuring_;
  CpuJob job_{tree_.files(), clock_};
  std::uint64_t user_ = 1000, steal_ = 10;
};

TEST_F(CpuJobTest, IsNotDueWhileNothingIsMeasured) {
  measuring_.active = false;
  EXPECT_FALSE(job_.dueNs(measuring_, clock_.monotonicNs()));
}

TEST_F(CpuJobTest, EachMinuteAndFiveSecondsBefore) {
  const std::int64_t start = clock_.monotonicNs();
  EXPECT_EQ(job_.dueNs(measuring_, start), start) << "at once";
  EXPECT_FALSE(next());
  EXPECT_EQ(job_.dueNs(measuring_, clock_.monotonicNs()), start + 55 * kSecond);
  EXPECT_FALSE(next()) << "a glance";
  EXPECT_EQ(job_.dueNs(measuring_, clock_.monotonicNs()), start + 60 * kSecond);
  const auto found = next();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->probe, "steal");
  EXPECT_FALSE(found->keep);
  const json sample = json::parse(found->json);
  EXPECT_NEAR(sample["windows"]["1m"].get<double>(), 0.03, 0.001);
  EXPECT_NEAR(sample["windows"]["5s"].get<double>(), 0.03, 0.001);
  EXPECT_TRUE(sample["windows"]["5m"].is_null());
  EXPECT_EQ(sample["verdict"], "marginal");
  EXPECT_TRUE(sample["hidden"]["ratio"].is_null()) << "a tree has no CPUs to watch";
  EXPECT_TRUE(sample["pressure"]["io"].is_null());
}

TEST_F(CpuJobTest, AHalfHourlyOneIsKept) {
  std::vector<std::int64_t> kept;
  const std::int64_t start = clock_.monotonicNs();
  while (clock_.monotonicNs() < start + 95 * 60 * kSecond)
    if (const auto found = next(); found && found->keep) kept.push_back((clock_.monotonicNs() - start) / kSecond / 60);
  EXPECT_THAT(kept, testing::ElementsAre(30, 60, 90));
}

TEST_F(CpuJobTest, WhatIsLateIsNotMadeUpFor) {
  next();
  clock_.advanceMs(600'000);  // a disk that was measured, or hung
  next();
  next();
  EXPECT_GE(job_.dueNs(measuring_, clock_.monotonicNs()).value_or(0), clock_.monotonicNs() + 20 * kSecond);
}

}  // namespace
}  // namespace bedplate::daemon
