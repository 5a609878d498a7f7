#include "agent/report/measurements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "agent/report/counters.h"
#include "tests/lib/temp_tree.h"
#include "tuning/bench/histogram.h"

namespace bedplate::report {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

apply::Sample disk(std::int64_t us, const std::string& more = "") {
  const std::string at = std::to_string(bench::Histogram::indexOf(2'000'000));
  return {us, "disk",
          R"({"probe":"disk","verdict":"fit","reason":"p99 2.0 ms","operations":200,"p50Ns":400000,"p99Ns":2000000,)"
          R"("maxNs":9000000,"stalls":1,"buckets":[[)" +
              at + ",200]]" + more + "}"};
}

apply::Sample etcd(std::int64_t us) {
  return {us, "etcd",
          R"({"probe":"etcd","verdict":"fit","reason":"r","walFsync":{"count":100,"meanNs":460000,"p50Ns":null,)"
          R"("p99Ns":1900000,"firstBucketNs":1000000,"buckets":[[1000000,97],[2000000,2],[null,1]]}})"};
}

TEST(Measurements, ReadWhatAProbeLeft) {
  const auto one = fsyncSample(disk(7)).value();
  EXPECT_EQ(one.us, 7);
  EXPECT_EQ(one.source, FsyncSample::Source::probe);
  EXPECT_EQ(one.count, 200);
  EXPECT_DOUBLE_EQ(one.p99.value(), 0.002);
  EXPECT_DOUBLE_EQ(one.max, 0.009);
  EXPECT_EQ(one.stalls, 1);
  ASSERT_THAT(one.buckets, SizeIs(1));
  EXPECT_NEAR(one.buckets[0].first, 0.002, 0.002 / 64);
  EXPECT_NEAR(one.mean, 0.002, 0.002 / 64);
}

TEST(Measurements, ARunThatEndedAtAStallIsSeen) {
  const auto one = fsyncSample({7, "disk", R"({"operations":12,"p99Ns":null,"maxNs":700000000,"stalls":1})"}).value();
  EXPECT_DOUBLE_EQ(one.p99.value(), 0.7);
  EXPECT_FALSE(fsyncSample({7, "disk", R"({"operations":12,"p99Ns":null,"maxNs":7000000,"stalls":0})"})->p99);
}

TEST(Measurements, ReadWhatEtcdCounted) {
  const auto one = fsyncSample(etcd(7)).value();
  EXPECT_EQ(one.source, FsyncSample::Source::etcd);
  EXPECT_FALSE(one.p50);
  EXPECT_DOUBLE_EQ(one.below, 0.001);
  EXPECT_DOUBLE_EQ(one.mean, 0.00046);
  EXPECT_THAT(one.buckets, ElementsAre(std::pair(0.001, 97), std::pair(0.002, 2), std::pair(INFINITY, 1)));
}

TEST(Measurements, ReadStealOfThisVersionAndOfTheOneBefore) {
  const auto now = stealSample({3, "steal",
                                R"({"verdict":"fit","reason":"r","ratio":0.01,"hidden":{"ratio":0.02,"maxGapNs":1},)"
                                R"("pressure":{"cpu":0.1,"io":0.2,"memory":null}})"})
                       .value();
  EXPECT_DOUBLE_EQ(now.visible.value(), 0.01);
  EXPECT_DOUBLE_EQ(now.hidden.value(), 0.02);
  EXPECT_DOUBLE_EQ(now.ioPressure.value(), 0.2);
  EXPECT_FALSE(now.memoryPressure);
  const auto before = stealSample({3, "steal", R"({"verdict":"unknown","ratio":null})"}).value();
  EXPECT_FALSE(before.visible || before.hidden || before.cpuPressure);
}

apply::Sample gitops(std::int64_t us, const std::string& source, const std::string& count = "120") {
  return {us, "gitops",
          R"({"probe":"gitops","measuredUs":1,"source":")" + source + R"(","windowNs":1800000000000,"count":)" + count +
              R"(,"meanNs":900000000,"p50Ns":700000000,"p99Ns":null,"enough":false,"firstBucketNs":250000000,)"
              R"("buckets":[[250000000,20],[1000000000,90],[null,10]]})"};
}

TEST(Measurements, ReadHowLongReconcilesTook) {
  const auto one = reconcileSample(gitops(7, "flux")).value();
  EXPECT_EQ(one.us, 7);
  EXPECT_EQ(one.source, ReconcileSample::Source::flux);
  EXPECT_EQ(one.windowUs, 1'800'000'000);
  EXPECT_EQ(one.count, 120);
  EXPECT_DOUBLE_EQ(one.mean, 0.9);
  EXPECT_DOUBLE_EQ(one.p50.value(), 0.7);
  EXPECT_FALSE(one.p99);
  EXPECT_THAT(one.buckets, ElementsAre(std::pair(0.25, 20), std::pair(1.0, 90), std::pair(INFINITY, 10)));
  EXPECT_EQ(reconcileSample(gitops(7, "argocd"))->source, ReconcileSample::Source::argocd);
  EXPECT_FALSE(reconcileSample(gitops(7, "jenkins")));
  EXPECT_FALSE(reconcileSample(gitops(7, "flux", "0")));
  EXPECT_FALSE(reconcileSample({7, "steal", gitops(7, "flux").json}));
  for (const char* json : {"", "[]", R"({"source":"flux","count":3})", R"({"source":"flux","count":3,"meanNs":1})"})
    EXPECT_FALSE(reconcileSample({7, "gitops", json})) << json;
}

TEST(Measurements, LeaveOutWhatCannotBe) {
  for (const char* json :
       {"", "[]", "{", "null", "{}", R"({"operations":-5})", R"({"operations":"many"})", R"({"operations":1e300})"})
    EXPECT_FALSE(fsyncSample({1, "disk", json})) << json;
  EXPECT_FALSE(fsyncSample({1, "etcd", R"({"walFsync":[]})"}));
  EXPECT_FALSE(fsyncSample({1, "other", disk(1).json}));
  EXPECT_FALSE(stealSample({1, "steal", "[]"}));
  EXPECT_FALSE(stealSample({1, "steal", R"({"ratio":1.5})"})->visible);
  EXPECT_FALSE(stealSample({1, "steal", R"({"ratio":"x","hidden":7,"pressure":[]})"})->visible);
  const auto odd =
      fsyncSample(
          {1, "disk", R"({"operations":3,"p99Ns":-1,"buckets":[[-1,5],[99999,5],["x",1],[1],[2,-3],7,[64,2]]})"})
          .value();
  EXPECT_FALSE(odd.p99);
  EXPECT_THAT(odd.buckets, SizeIs(1));
}

TEST(Measurements, ComeFromTheStateOldestFirst) {
  testlib::TempTree tree;
  testlib::FakeClock clock;
  auto store = apply::Store::open(tree.files(), clock, apply::Store::Access::readWrite).value();
  for (const std::int64_t us : {10, 30, 20}) ASSERT_TRUE(store.addSample(disk(us)));
  ASSERT_TRUE(store.addSample(etcd(25)));
  ASSERT_TRUE(store.addSample({15, "steal", R"({"ratio":0.5})"}));
  for (const std::int64_t us : {14, 13}) ASSERT_TRUE(store.addSample(gitops(us, "argocd")));
  ASSERT_TRUE(store.addSample({15, "disk", "garbage"}));
  ASSERT_TRUE(store.addDrift({12, "sysctl", "vm/a", "1", "0", "unknown", true}));
  ASSERT_TRUE(store.putCommitTimes({.commit = "a", .seenUs = 21}));
  const auto all = measurements(store, 11, 40).value();
  std::vector<std::int64_t> times;
  times.reserve(all.fsync.size());
  for (const auto& one : all.fsync) times.push_back(one.us);
  EXPECT_THAT(times, ElementsAre(20, 25, 30));
  EXPECT_THAT(all.steal, SizeIs(1));
  ASSERT_THAT(all.reconciles, SizeIs(2));
  EXPECT_EQ(all.reconciles[0].us, 13);
  EXPECT_THAT(all.drift, SizeIs(1));
  EXPECT_THAT(all.commits, SizeIs(1));
}

TEST(Counters, KeepTheBucketsOfProbeAndEtcdApart) {
  Counters counters;
  counters.addFsync(fsyncSample(disk(1)).value());
  counters.addFsync(fsyncSample(disk(2)).value());
  counters.addFsync(fsyncSample(etcd(3)).value());
  EXPECT_EQ(counters.probeFsync.total(), 400);
  EXPECT_NEAR(counters.probeFsync.sum(), 0.8, 0.8 / 64);
  EXPECT_EQ(counters.etcdFsync.total(), 100);
  EXPECT_DOUBLE_EQ(counters.etcdFsync.sum(), 0.046);
  EXPECT_EQ(counters.etcdFsync.counts().front(), 97);  // the bound holds its edge
  EXPECT_EQ(counters.etcdFsync.counts()[1], 2);
  EXPECT_EQ(counters.etcdFsync.counts().back(), 1);
}

TEST(Counters, NeverGoBack) {
  Buckets buckets{{1, 2}};
  buckets.add(1.5, 3);
  for (const double value : {-1.0, std::nan("")}) buckets.add(value);
  buckets.add(1, -4);
  EXPECT_EQ(buckets.total(), 3);
  EXPECT_DOUBLE_EQ(buckets.sum(), 4.5);
}

}  // namespace
}  // namespace bedplate::report
