#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tuning/bench/bench.h"

namespace bedplate::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kMinute = 60'000'000'000;

// Two etcds of the same life differ in what was added.
EtcdReading reading(std::int64_t minutes, std::vector<std::uint64_t> fsyncs, std::vector<std::uint64_t> commits = {}) {
  EtcdReading made;
  made.monotonicNs = minutes * kMinute;
  made.startSeconds = 1.7955487606e+09;
  made.hasLeader = true;
  for (auto* one : {&made.walFsync, &made.backendCommit}) {
    for (std::uint64_t le = 1'000'000; le <= 8'192'000'000; le *= 2) one->leNs.push_back(le);
    one->counts.resize(one->leNs.size() + 1);
  }
  for (std::size_t i = 0; i < fsyncs.size(); ++i) made.walFsync.counts[i] = fsyncs[i];
  for (std::size_t i = 0; i < commits.size(); ++i) made.backendCommit.counts[i] = commits[i];
  made.walFsync.sumNs = 400'000.0 * static_cast<double>(made.walFsync.count());
  return made;
}

EtcdResult judged(std::vector<std::uint64_t> fsyncs, std::vector<std::uint64_t> commits = {}, EtcdLimits limits = {}) {
  EtcdHistory history;
  history.add(reading(0, {}));
  history.add(reading(30, std::move(fsyncs), std::move(commits)));
  return judgeEtcd(history, limits);
}

TEST(Etcd, ReadsWhatARealOneSays) {
  std::ifstream file(BEDPLATE_CORPUS "/exposition/etcd-3.4.23");
  std::ostringstream text;
  text << file.rdbuf();
  const auto read = parseEtcd(text.str(), 5);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->walFsync.count(), 25u);
  EXPECT_EQ(read->walFsync.leNs.size(), 14u);
  EXPECT_EQ(read->walFsync.leNs.front(), 1'000'000u);
  EXPECT_EQ(read->walFsync.leNs.back(), 8'192'000'000u);
  EXPECT_EQ(read->backendCommit.count(), 12u);
  EXPECT_EQ(read->hasLeader, true);
  EXPECT_EQ(read->leaderChanges, 1u);
  EXPECT_EQ(read->heartbeatFailures, 0u);
  EXPECT_GT(read->startSeconds, 1.7e9);
}

TEST(Etcd, SaysThatItIsNone) {
  EXPECT_EQ(parseEtcd("go_goroutines 8\n", 0).error().reason, "NotFound");
  EXPECT_EQ(parseEtcd("<html>", 0).error().reason, "NotFound");
}

TEST(Etcd, JudgesItsDisk) {
  EXPECT_EQ(judged({1000}).verdict, Verdict::fit);
  EXPECT_THAT(judged({1000}).reason, HasSubstr("p99 < 1.0 ms, mean 0.40 ms over 1000 in 30 min, limit 10 ms"));
  EXPECT_EQ(judged({900, 60, 40}).verdict, Verdict::fit);                     // p99 3.5 ms
  EXPECT_EQ(judged({900, 0, 60, 40}).verdict, Verdict::marginal);             // p99 7 ms
  EXPECT_EQ(judged({900, 0, 0, 60, 40}).verdict, Verdict::unfit);             // p99 14 ms
  EXPECT_EQ(judged({999, 0, 0, 0, 0, 0, 0, 0, 0, 1}).verdict, Verdict::fit);  // one of 512 ms
  const EtcdResult stall = judged({999, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  EXPECT_EQ(stall.verdict, Verdict::marginal);
  EXPECT_THAT(stall.reason, HasSubstr("1 over 512 ms"));
  EXPECT_EQ(judged({199}).verdict, Verdict::unknown);
  EXPECT_THAT(judged({199}).reason, HasSubstr("it takes 200"));
}

TEST(Etcd, JudgesItsCommits) {
  EXPECT_EQ(judged({1000}, {900, 0, 0, 0, 100}).verdict, Verdict::fit);  // p99 15 ms
  const EtcdResult slow = judged({1000}, {900, 0, 0, 0, 0, 100});        // p99 30 ms
  EXPECT_EQ(slow.verdict, Verdict::unfit);
  EXPECT_THAT(slow.reason, HasSubstr("its commits p99 30 ms, limit 25 ms"));
  EXPECT_EQ(judged({1000}, {0, 0, 0, 0, 0, 100}).verdict, Verdict::fit);  // too few
}

TEST(Etcd, SaysNothingFinerThanItsBuckets) {
  const EtcdResult blind = judged({1000}, {}, {.walFsyncNs = 500'000});
  EXPECT_EQ(blind.verdict, Verdict::unknown);
  EXPECT_THAT(blind.reason, HasSubstr("not measure as finely"));
}

TEST(Etcd, BeginsAnewWithAnotherEtcd) {
  EtcdHistory history;
  history.add(reading(0, {500}));
  history.add(reading(5, {900}));
  EXPECT_EQ(history.last(EtcdHistory::kShortNs)->walFsync.count(), 400u);
  history.add(reading(10, {100}));  // less than before
  EXPECT_FALSE(history.last(EtcdHistory::kDayNs));
  EXPECT_EQ(judgeEtcd(history, {}).verdict, Verdict::unknown);
  EtcdReading later = reading(15, {5000});  // more, but of another life
  later.startSeconds += 400;
  history.add(later);
  EXPECT_FALSE(history.last(EtcdHistory::kDayNs));
  later.monotonicNs += 5 * kMinute;
  later.walFsync.counts[0] += 300;
  history.add(later);
  EXPECT_EQ(history.last(EtcdHistory::kDayNs)->walFsync.count(), 300u);
}

TEST(Etcd, KeepsADayInWindows) {
  EtcdHistory history;
  const int minutes = 3 * 24 * 60;
  for (int minute = 0; minute <= minutes; minute += 5)
    history.add(reading(minute, {static_cast<std::uint64_t>(minute) * 100}));
  EXPECT_EQ(history.last(EtcdHistory::kShortNs)->walFsync.count(), 500u);
  EXPECT_EQ(history.last(EtcdHistory::kMiddleNs)->walFsync.count(), 3000u);
  const auto day = history.last(EtcdHistory::kDayNs);
  EXPECT_GE(day->windowNs, 23 * 60 * kMinute + 30 * kMinute);
  EXPECT_LE(day->windowNs, 24 * 60 * kMinute + kMinute);
  EXPECT_EQ(day->walFsync.count(), static_cast<std::uint64_t>(day->windowNs / kMinute * 100));
  EXPECT_LT(history.size(), 60u);
}

TEST(Etcd, TheEveningIsToldInTheMorning) {
  EtcdHistory history;
  history.add(reading(0, {}));
  history.add(reading(30, {9'000, 0, 0, 0, 1'000}));  // a bad half hour
  for (int minute = 60; minute <= 600; minute += 30)
    history.add(reading(minute, {9'000 + static_cast<std::uint64_t>(minute) * 50, 0, 0, 0, 1'000}));
  const EtcdResult result = judgeEtcd(history, {});
  EXPECT_EQ(result.verdict, Verdict::unfit);
  EXPECT_THAT(result.reason, HasSubstr("in 10 h"));
  EXPECT_EQ(result.window->walFsync.counts[4], 0u);
}

TEST(Etcd, WritesJson) {
  const std::string json = toJson(judged({1000}), 1'000'000, EtcdWindows::halfHour);
  EXPECT_THAT(json, HasSubstr(R"({"probe":"etcd","measuredUs":1000000,"verdict":"fit",)"));
  EXPECT_THAT(json, HasSubstr(R"("windowNs":1800000000000,"walFsync":{"count":1000,"meanNs":400000,"p50Ns":null,)"
                              R"("p99Ns":null,"enough":true,"firstBucketNs":1000000,"buckets":[[1000000,1000]]})"));
  EXPECT_THAT(json, Not(HasSubstr("\"1d\"")));
  EXPECT_THAT(toJson(judged({1000}), 1'000'000, EtcdWindows::all),
              HasSubstr(R"("windows":{"5m":null,"1d":{"windowNs":)"));
  EXPECT_EQ(summary(json, 121'000'000), "fit, p99 < 1.0 ms (mean 0.40 ms) over 1000 fsyncs of etcd, 2 min ago");
  const std::string above = toJson(judged({900, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100}), 0, EtcdWindows::halfHour);
  EXPECT_THAT(above, HasSubstr(R"([null,100]])"));
  EXPECT_THAT(above, HasSubstr(R"("p99Ns":8192000000)"));
}

}  // namespace
}  // namespace bedplate::bench
