#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tuning/bench/bench.h"

namespace bedplate::bench {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kWhen = 1'790'000'000'000'000;
constexpr std::int64_t kMinute = 60'000'000;

DiskResult disk() {
  DiskResult result;
  result.perSecond = 50;
  result.writeBytes = 2300;
  for (int i = 0; i < 490; ++i) result.service.add(1'000'000);
  for (int i = 0; i < 10; ++i) result.service.add(2'100'000);
  for (int i = 0; i < 500; ++i) result.response.add(3'000'000);
  judgeDisk(result, {});
  return result;
}

TEST(Json, OfADiskHasEveryNumber) {
  const std::string json = toJson(disk(), kWhen);
  for (const char* part : {R"("probe":"disk")",
                           R"("measuredUs":1790000000000000)",
                           R"("verdict":"fit")",
                           R"("operations":500)",
                           R"("perSecond":50.0)",
                           R"("writeBytes":2300)",
                           R"("p50Ns":1003520)",
                           R"("p90Ns":1003520)",
                           R"("p99Ns":2100000)",
                           R"("p99LowNs":1003520)",
                           R"("p99HighNs":2100000)",
                           R"("p999Ns":null)",
                           R"("maxNs":2100000)",
                           R"("responseP50Ns":2998272)",
                           R"("responseP99Ns":2998272)",
                           R"("responseP999Ns":null)",
                           R"("responseMaxNs":3000000)",
                           R"("durationNs":0)",
                           R"("stalls":0)",
                           R"("stopped":false)",
                           R"("judgedBy":"writes")",
                           R"("checkpoint":null)",
                           R"("buckets":[[954,490],[1024,10]])",
                           R"("responseBuckets":[[1051,500]])"})
    EXPECT_THAT(json, HasSubstr(part));
}

TEST(Json, OfStealSaysNullWhereNothingIsReported) {
  CpuResult result;
  result.visible.reason = "unavailable: no hypervisor";
  result.perCpu.resize(2);
  judgeCpu(result, 0.05);
  const std::string json = toJson(result, kWhen);
  for (const char* part :
       {R"("verdict":"unknown")", R"("ratio":null,"perCpu":[])",
        R"("windows":{"5s":null,"1m":null,"5m":null},"cpus":[])",
        R"("hidden":{"ratio":null,"maxGapNs":0,"sampledNs":0)", R"("pressure":{"cpu":null,"io":null,"memory":null})"})
    EXPECT_THAT(json, HasSubstr(part));
}

TEST(Json, OfStealHasWindowsAndCpus) {
  CpuResult result;
  result.visible.ratio = 0.25;
  result.visible.perCpu = {0.5, std::nullopt};
  result.windows.shares[0].ratio = 0.5;
  result.windows.shares[0].perCpu = {std::nullopt, 0.5};
  result.hidden.ratio = 0.125;
  result.pressure.of[1] = Pressure{Stalled{0, 0, 0.25, 9}, {}};
  const std::string json = toJson(result, kWhen);
  for (const char* part : {R"("ratio":0.25,"perCpu":[0.5,null])", R"("windows":{"5s":0.5,"1m":null,"5m":null})",
                           R"("cpus":[{"cpu":1,"5s":0.5,"1m":null,"5m":null,"hidden":null,)",
                           R"("hidden":{"ratio":0.125,)", R"("pressure":{"cpu":null,"io":0.25,"memory":null})"})
    EXPECT_THAT(json, HasSubstr(part));
}

TEST(Summary, OneLineForTheScreen) {
  EXPECT_EQ(summary(toJson(disk(), kWhen), kWhen + 12 * kMinute), "fit, p99 2.1 ms over 500 writes, 12 min ago");
  CpuResult steal;
  steal.visible.ratio = 0.004;
  steal.visible.windowNs = 300'000'000'000;
  steal.verdict = Verdict::fit;
  EXPECT_EQ(summary(toJson(steal, kWhen), kWhen + 3 * 60 * kMinute),
            "fit, 0.4 % of CPU time stolen over 5 min, 3 h ago");
  steal.hidden.ratio = 0.012;
  EXPECT_EQ(summary(toJson(steal, kWhen), kWhen), "fit, 0.4 % of CPU time stolen over 5 min, 1.2 % hidden, 0 s ago");
  steal.visible.ratio.reset();
  EXPECT_EQ(summary(toJson(steal, kWhen), kWhen), "fit, 1.2 % hidden, 0 s ago");
  steal = {};
  steal.visible.reason = "unavailable: no hypervisor";
  judgeCpu(steal, 0.05);
  EXPECT_EQ(summary(toJson(steal, kWhen), kWhen + kMinute),
            "unknown, reported steal unavailable: no hypervisor, hidden steal unknown: not watched yet, 60 s ago");
}

TEST(Summary, AClockThatWasSetBackIsNotNegative) {
  EXPECT_THAT(summary(toJson(disk(), kWhen), kWhen - kMinute), HasSubstr(", 0 s ago"));
  EXPECT_THAT(summary(toJson(disk(), kWhen), INT64_MIN), HasSubstr(", 0 s ago"));
}

TEST(Summary, WhatIsNotOursIsNothing) {
  const std::string good = toJson(disk(), kWhen);
  for (const std::string& json : std::vector<std::string>{
           "", "{", "null", "[]", "{}", R"({"probe":"disk"})", good.substr(0, good.size() - 1), "\xff\xfe",
           R"({"probe":"cpu","verdict":"fit","reason":"","measuredUs":1})",
           R"({"probe":"disk","verdict":"fit","reason":"","measuredUs":1})",
           R"({"probe":"disk","verdict":"fit","reason":"","measuredUs":1,"p99Ns":-1,"operations":1})",
           R"({"probe":"disk","verdict":"fit","reason":"","measuredUs":1e300,"p99Ns":1,"operations":1})",
           R"({"probe":"disk","verdict":1,"reason":"","measuredUs":1,"p99Ns":1,"operations":1})",
           R"({"probe":"steal","verdict":"fit","reason":"","measuredUs":1,"ratio":7,"windowNs":1})",
           R"({"probe":"steal","verdict":"fit","reason":"","measuredUs":1,"ratio":null,"windowNs":1})"})
    EXPECT_EQ(summary(json, kWhen), "") << json;
}

}  // namespace
}  // namespace bedplate::bench
