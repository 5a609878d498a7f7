#include <gtest/gtest.h>

#include "tuning/bench/bench.h"

namespace bedplate::bench {
namespace {

using Is = Quantile::Is;

Latencies parsed(const std::string& text, const std::string& name = "x_seconds") {
  const auto latencies = parseLatencies(text, name);
  EXPECT_TRUE(latencies) << latencies.error().text();
  EXPECT_TRUE(latencies && *latencies);
  return latencies && *latencies ? **latencies : Latencies{};
}

// counts: of each bucket alone; the ends are 1, 2, 4, ... ms.
Latencies latencies(std::vector<std::uint64_t> counts) {
  Latencies made;
  for (std::size_t i = 0; i + 1 < counts.size(); ++i) made.leNs.push_back(1'000'000ULL << i);
  made.counts = std::move(counts);
  return made;
}

TEST(Exposition, ReadsAHistogram) {
  const Latencies read = parsed(
      "# HELP x_seconds What it is, x_seconds_bucket{le=\"9\"} 9\n# TYPE x_seconds histogram\n"
      "x_seconds_bucket{le=\"0.001\"} 12\nx_seconds_bucket{le=\"0.002\"} 12\nx_seconds_bucket{le=\"0.004\"} 16\n"
      "x_seconds_bucket{le=\"+Inf\"} 25\nx_seconds_sum 0.08668607000000002\nx_seconds_count 25\n"
      "x_seconds_more_bucket{le=\"0.001\"} 99\nother_x_seconds_bucket{le=\"0.001\"} 99\n");
  EXPECT_EQ(read.leNs, (std::vector<std::uint64_t>{1'000'000, 2'000'000, 4'000'000}));
  EXPECT_EQ(read.counts, (std::vector<std::uint64_t>{12, 0, 4, 9}));
  EXPECT_EQ(read.count(), 25u);
  EXPECT_EQ(read.meanNs(), 3467442u);
  EXPECT_EQ(read.over(2'000'000), 13u);
  EXPECT_EQ(read.over(4'000'000), 9u);
}

TEST(Exposition, AddsUpSeriesWhateverTheirLabels) {
  const Latencies read = parsed(
      "x_seconds_bucket{app=\"a\",le=\"1\"} 1\nx_seconds_bucket{app=\"a\",le=\"+Inf\"} 3\nx_seconds_sum{app=\"a\"} 4\n"
      "x_seconds_bucket{ le = \"1\" , app=\"b, with } and \\\" le=\\\"7\\\"\",} 1e1 1700000000000\n"
      "x_seconds_bucket{app=\"b\",le=\"+Inf\"} 10\nx_seconds_sum{app=\"b\"} 2\n");
  EXPECT_EQ(read.counts, (std::vector<std::uint64_t>{11, 2}));
  EXPECT_DOUBLE_EQ(read.sumNs, 6e9);
}

TEST(Exposition, AbsentIsAbsent) {
  const auto read = parseLatencies("y_seconds_bucket{le=\"+Inf\"} 3\nx_seconds_sum 2\n", "x_seconds");
  ASSERT_TRUE(read);
  EXPECT_FALSE(*read);
}

TEST(Exposition, RefusesWhatDoesNotHoldTogether) {
  std::string many;
  for (int i = 1; i < 70; ++i) many += "x_seconds_bucket{le=\"" + std::to_string(i) + "\"} 1\n";
  const std::string good = "x_seconds_bucket{le=\"1\"} 1\nx_seconds_bucket{le=\"+Inf\"} 1\n";
  for (const std::string& text :
       {std::string("x_seconds_bucket{le=\"1\"} 1\n"),                                   // no end
        std::string("x_seconds_bucket{le=\"1\"} 5\nx_seconds_bucket{le=\"+Inf\"} 4\n"),  // shrinks
        std::string("x_seconds_bucket{le=\"+Inf\"} -1\n"), std::string("x_seconds_bucket{le=\"+Inf\"} NaN\n"),
        std::string("x_seconds_bucket{le=\"+Inf\"} x\n"), std::string("x_seconds_bucket{le=\"+Inf} 1\n"),
        std::string("x_seconds_bucket{le=\"-1\"} 1\nx_seconds_bucket{le=\"+Inf\"} 1\n"),
        std::string("x_seconds_bucket{le=\"+Inf\"} 1e300\n"), std::string("x_seconds_bucket 1\n"),
        good + "x_seconds_bucket{a=\"b\",le=\"2\"} 1\nx_seconds_bucket{a=\"b\",le=\"+Inf\"} 1\n",  // other buckets
        good + "x_seconds_sum -1\n", many + "x_seconds_bucket{le=\"+Inf\"} 1\n"}) {
    const auto read = parseLatencies(text, "x_seconds");
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().reason, "Malformed");
  }
}

TEST(Exposition, InterpolatesAsPrometheusDoes) {
  // histogram_quantile(0.99) of buckets 1ms:900 2ms:980 4ms:990 8ms:1000 is 4 ms, of 0.985: 2 ms + half of 2 ms.
  const Latencies read = latencies({900, 80, 10, 10, 0});
  EXPECT_EQ(quantile(read, 0.99).ns, 4'000'000u);
  EXPECT_EQ(quantile(read, 0.985).ns, 3'000'000u);
  EXPECT_EQ(quantile(read, 0.985).is, Is::about);
}

TEST(Exposition, TellsNoQuantileThatTheBucketsDoNot) {
  EXPECT_EQ(quantile(latencies({1000, 10, 0}), 0.99).is, Is::below);
  EXPECT_EQ(quantile(latencies({1000, 10, 0}), 0.99).ns, 1'000'000u);
  EXPECT_EQ(quantile(latencies({900, 10, 90}), 0.99).is, Is::above);
  EXPECT_EQ(quantile(latencies({900, 10, 90}), 0.99).ns, 2'000'000u);
}

TEST(Exposition, TellsNoQuantileOfTooFew) {
  EXPECT_EQ(quantile(latencies({100, 99, 0}), 0.99).is, Is::unknown);
  EXPECT_EQ(quantile(latencies({100, 100, 0}), 0.99).is, Is::about);
  EXPECT_EQ(quantile(latencies({10, 9, 0}), 0.5).is, Is::unknown);
  EXPECT_EQ(quantile(latencies({10, 11, 0}), 0.5).is, Is::about);
  EXPECT_EQ(quantile(latencies({0, 0, 0}), 0.5).is, Is::unknown);
  EXPECT_EQ(quantile(Latencies{}, 0.5).is, Is::unknown);
}

TEST(Exposition, ADifferenceIsNeverNegative) {
  const auto grown = since(latencies({10, 5, 0}), latencies({12, 5, 1}));
  ASSERT_TRUE(grown);
  EXPECT_EQ(grown->counts, (std::vector<std::uint64_t>{2, 0, 1}));
  EXPECT_FALSE(since(latencies({10, 5, 0}), latencies({12, 4, 1})));
  EXPECT_FALSE(since(latencies({10, 5, 0}), latencies({10, 5, 0, 0})));
}

TEST(Exposition, ReadsAValue) {
  EXPECT_EQ(parseValue("a_b 1\na 2.5e3 17\n", "a"), 2500.0);
  EXPECT_EQ(parseValue("a{x=\"y\"} 7\n", "a"), 7.0);
  EXPECT_FALSE(parseValue("a NaN\n", "a"));
  EXPECT_FALSE(parseValue("ab 1\n# a 1\n", "a"));
}

}  // namespace
}  // namespace bedplate::bench
