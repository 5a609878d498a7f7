#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "agent/report/report.h"
#include "tests/unit/report/sample.h"

namespace bedplate::report {
namespace {

using testing::HasSubstr;

std::string familyOf(const std::string& name, const std::map<std::string, std::string>& types) {
  for (const char* suffix : {"_bucket", "_sum", "_count"}) {
    const std::size_t length = std::string(suffix).size();
    if (name.size() <= length || name.compare(name.size() - length, length, suffix) != 0) continue;
    const std::string base = name.substr(0, name.size() - length);
    if (types.count(base) != 0 && types.at(base) == "histogram") return base;
  }
  return name;
}

double numberOf(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  EXPECT_TRUE(error == std::errc() && end == text.data() + text.size()) << text;
  return value;
}

struct Sample {
  std::string name, labels;
  double value = 0;
};

bool isName(std::string_view text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
}

// The end of {name="value",...} that begins at `at`, or npos. In values only \\, \" and \n are escapes.
std::size_t endOfLabels(const std::string& line, std::size_t at) {
  do {
    const std::size_t equals = line.find("=\"", ++at);
    if (equals == std::string::npos || !isName(std::string_view(line).substr(at, equals - at)))
      return std::string::npos;
    for (at = equals + 2; at < line.size() && line[at] != '"'; ++at)
      if (line[at] == '\\' && (++at >= line.size() || std::string("\\\"n").find(line[at]) == std::string::npos))
        return std::string::npos;
    if (++at >= line.size()) return std::string::npos;
  } while (line[at] == ',');
  return line[at] == '}' ? at + 1 : std::string::npos;
}

// name{labels} value, and nothing behind it.
std::optional<Sample> parseSample(const std::string& line) {
  std::size_t at = line.find_first_of("{ ");
  if (at == std::string::npos || !isName(std::string_view(line).substr(0, at))) return std::nullopt;
  Sample sample;
  sample.name = line.substr(0, at);
  if (line[at] == '{') {
    const std::size_t end = endOfLabels(line, at);
    if (end == std::string::npos) return std::nullopt;
    sample.labels = line.substr(at, end - at);
    at = end;
  }
  if (at >= line.size() || line[at] != ' ') return std::nullopt;
  sample.value = numberOf(line.substr(at + 1));
  return sample;
}

// As strict as promtool and the textfile collector: HELP and TYPE once before the samples of a family, which stand
// together; no series twice; no timestamps; counters end in _total; histograms are cumulative up to their count.
void expectValid(const std::string& page) {
  std::map<std::string, std::string> types;
  std::set<std::string> helped, closed, series;
  std::string current;
  double lastBucket = -1;
  std::string lastSeries;  // the labels of the bucket before, without its bound
  std::istringstream in(page);
  ASSERT_TRUE(page.empty() || page.back() == '\n');
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string hash, what, name, rest;
    if (line.rfind("# ", 0) == 0) {
      words >> hash >> what >> name >> rest;
      if (what == "HELP") {
        EXPECT_TRUE(helped.insert(name).second) << line;
        EXPECT_EQ(name.rfind("bedplate_", 0), 0u);
        if (!current.empty()) closed.insert(current);
        current = name;
      } else {
        ASSERT_EQ(what, "TYPE") << line;
        EXPECT_EQ(name, current);
        EXPECT_TRUE(types.emplace(name, rest).second);
        EXPECT_EQ(rest == "counter", name.size() > 6 && name.substr(name.size() - 6) == "_total") << line;
      }
      continue;
    }
    const auto sample = parseSample(line);
    ASSERT_TRUE(sample) << line;
    EXPECT_EQ(familyOf(sample->name, types), current) << line;
    EXPECT_EQ(closed.count(current), 0u) << line;
    EXPECT_TRUE(series.insert(sample->name + sample->labels).second) << line;
    if (sample->name.find("_bucket") != std::string::npos) {
      const std::string of = sample->name + sample->labels.substr(0, sample->labels.find("le="));
      EXPECT_GE(sample->value, of == lastSeries ? lastBucket : 0) << line;
      lastBucket = sample->value;
      lastSeries = of;
    }
    if (sample->name == current + "_count") {
      EXPECT_EQ(sample->value, lastBucket) << line;
    }
  }
}

TEST(Metrics, AreWhatPrometheusTakes) {
  Status status = goodStatus();
  status.version = "0.1.0\"\\\n";  // must be escaped
  status.steal = R"({"verdict":"fit","ratio":0.0125,"hidden":{"ratio":0.02}})";
  status.pendingChanges = {sysctlChange("net/ipv4/ip_forward", "0", "1")};
  judge(status, nullptr);
  Counters counters;
  for (const double seconds : {0.01, 0.05, 0.07, 3.0, 100.0}) counters.addReconcile(seconds);
  counters.sysctlRepairs = 3;
  counters.syncLatency.add(1.5);
  counters.etcdFsync.add(0.002, 7);
  counters.probeFsync.add(0.0002, 200);
  const std::string page = metrics(status, counters);
  expectValid(page);
  expectValid(metrics(Status{}, Counters{}));
  EXPECT_THAT(page, HasSubstr("bedplate_build_info{version=\"0.1.0\\\"\\\\\\n\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("bedplate_condition{type=\"Ready\",status=\"True\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("bedplate_condition{type=\"Ready\",status=\"False\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("bedplate_mode{mode=\"enforce\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("bedplate_pending_changes 1\n"));
  EXPECT_THAT(page, HasSubstr("bedplate_drift_repairs_total{kind=\"sysctl\"} 3\n"));
  EXPECT_THAT(page, HasSubstr("bedplate_contested_keys 0\n"));
  EXPECT_THAT(page, HasSubstr("bedplate_cpu_steal_ratio{kind=\"visible\"} 0.0125\n"));
  EXPECT_THAT(page, HasSubstr("bedplate_cpu_steal_ratio{kind=\"hidden\"} 0.02\n"));
  EXPECT_THAT(page, HasSubstr("bedplate_sync_latency_seconds_bucket{le=\"2.5\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("bedplate_sync_latency_seconds_sum 1.5\n"));
  EXPECT_THAT(page, HasSubstr("bedplate_disk_fsync_duration_seconds_bucket{source=\"etcd\",le=\"0.001\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("bedplate_disk_fsync_duration_seconds_bucket{source=\"etcd\",le=\"0.002\"} 7\n"));
  EXPECT_THAT(page, HasSubstr("bedplate_disk_fsync_duration_seconds_count{source=\"probe\"} 200\n"));
  EXPECT_THAT(page, HasSubstr("bedplate_verdict{probe=\"disk\",verdict=\"unknown\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("bedplate_last_successful_fetch_timestamp_seconds 1789999988\n"));
}

TEST(Metrics, BucketsAreUpperBoundsThatHoldTheirEdge) {
  Counters counters;
  for (const double seconds : {0.05, 0.051, 60.0, 61.0}) counters.addReconcile(seconds);
  const std::string page = metrics(goodStatus(), counters);
  EXPECT_THAT(page, HasSubstr("_bucket{le=\"0.05\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("_bucket{le=\"0.1\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("_bucket{le=\"60\"} 3\n"));
  EXPECT_THAT(page, HasSubstr("_bucket{le=\"+Inf\"} 4\n"));
  EXPECT_THAT(page, HasSubstr("_count 4\n"));
}

TEST(Metrics, ATimeThatIsNotKnownIsNotThere) {
  EXPECT_THAT(metrics(Status{}, Counters{}), testing::Not(HasSubstr("timestamp")));
}

}  // namespace
}  // namespace bedplate::report
