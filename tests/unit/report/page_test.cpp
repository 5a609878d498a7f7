#include "agent/report/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "agent/report/bench_history.h"
#include "agent/report/findings.h"
#include "agent/report/plots.h"
#include "agent/report/svg.h"
#include "tests/unit/report/sample.h"

namespace bedplate::report {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kHour = 3'600'000'000;

FsyncSample probe(std::int64_t us, double p99) {
  FsyncSample one;
  one.us = us;
  one.count = 200;
  one.p50 = 0.0004;
  one.p99 = p99;
  one.max = p99 * 2;
  one.buckets = {{0.0004, 196}, {p99, 4}};
  one.mean = 0.0005;
  return one;
}

constexpr std::int64_t kHalfHour = kHour / 2;

// Two days, of which each fifth half hour is slow, and the disk with it; but for the first, in which only the CPU was.
Measurements reconciling() {
  Measurements measured;
  measured.fromUs = kNow - 48 * kHour;
  measured.toUs = kNow;
  for (int i = 95; i >= 0; --i) {
    const bool slow = i % 5 == 0;
    const std::int64_t us = kNow - i * kHalfHour;
    ReconcileSample one{.us = us,
                        .windowUs = kHalfHour,
                        .count = 40,
                        .mean = slow ? 6.0 : 0.4,
                        .p50 = {},
                        .p99 = {},
                        .buckets = {{0.5, slow ? 0 : 40}, {8, slow ? 40 : 0}}};
    measured.reconciles.push_back(one);
    if (i > 0) measured.fsync.push_back(probe(us - kHalfHour / 3, slow ? 0.034 : 0.002));
    StealSample steal;
    steal.us = us - kHalfHour / 4;
    steal.visible = 0.004;
    steal.ioPressure = slow ? 0.25 : 0.01;
    measured.steal.push_back(steal);
  }
  return measured;
}

PageInput input() {
  PageInput in;
  in.status = goodStatus();
  in.status.disk = R"({"verdict":"unfit","reason":"p99 12 ms over 9600 writes, limit 10 ms"})";
  in.status.steal = R"({"verdict":"fit","reason":"0.4 % of CPU time stolen"})";
  judge(in.status, nullptr);
  in.nowUs = kNow;
  in.measurements.fromUs = kNow - 24 * kHour;
  in.measurements.toUs = kNow;
  for (int i = 1; i < 24; ++i) {
    in.measurements.fsync.push_back(probe(kNow - i * kHour, i == 5 ? 0.084 : 0.002));
    StealSample steal;
    steal.us = kNow - i * kHour;
    steal.visible = i == 7 ? 0.31 : 0.004;
    in.measurements.steal.push_back(steal);
  }
  apply::CommitTimes times{.commit = in.status.source.commit,
                           .subject = "raise conntrack",
                           .generation = 41,
                           .seenUs = kNow - 2 * kHour,
                           .confirmedUs = kNow - 2 * kHour + 1'700'000};
  in.measurements.commits = {times};
  in.measurements.drift = {{kNow - kHour, "sysctl", "net/ipv4/ip_forward", "0", "1", "pid 7 sysctl", true}};
  apply::Generation generation;
  generation.number = 41;
  generation.commit = times.commit;
  generation.subject = times.subject;
  generation.cause = "commit";
  generation.state = apply::GenerationState::applied;
  generation.finishedUs = times.confirmedUs;
  in.generations = {generation};
  return in;
}

TEST(Page, SaysTheVerdictTheNumbersAndTheLimitWithItsSource) {
  const std::string html = page(input());
  EXPECT_THAT(html, HasSubstr("web-01"));
  EXPECT_THAT(html, HasSubstr("from 2026-09-20 14:13 UTC to 2026-09-21 14:13 UTC"));
  EXPECT_THAT(html, HasSubstr("<div class=\"tile unfit\">Disk<br/><b>unfit</b>"));
  EXPECT_THAT(html, HasSubstr("p99 12 ms over 9600 writes, limit 10 ms"));
  EXPECT_THAT(html, HasSubstr("etcd's documentation"));
  EXPECT_THAT(html, HasSubstr("<th>probe: flushes</th><td class=\"n\">4600</td><td>23 runs</td>"));
  EXPECT_THAT(html, HasSubstr("<td class=\"n bad\">84 ms</td><td>of one run, 2026-09-21 09:13 UTC</td>"));
  EXPECT_THAT(html, HasSubstr("<td class=\"n bad\">1 of 23</td>"));
  EXPECT_THAT(html, HasSubstr("<td class=\"n bad\">31 %</td><td>2026-09-21 07:13 UTC</td>"));
  EXPECT_THAT(html, HasSubstr("<td class=\"n\">41</td><td>applied</td><td>commit</td><td>3f2a91c</td>"));
  EXPECT_THAT(html, HasSubstr("<td class=\"n\">1.70s</td>"));
}

TEST(Page, DoesNotHoldEtcdsLimitAgainstSqlite) {
  PageInput in = input();
  EXPECT_THAT(page(in), HasSubstr("limit 10 ms"));
  EXPECT_THAT(page(in), HasSubstr("class=\"limit\""));
  in.measurements.sqlite = true;
  in.status.disk = R"({"verdict":"fit","reason":"SQLite flushes at checkpoints only: p90 3 ms"})";
  judge(in.status, nullptr);
  in.measurements.steal.clear();
  const std::string text = page(in);
  EXPECT_THAT(text, Not(HasSubstr("class=\"limit\"")));
  EXPECT_THAT(text, Not(HasSubstr("over the limit")));
  EXPECT_THAT(text, HasSubstr("The datastore here is SQLite."));
}

TEST(Page, DrawsWindowsOfEtcdThatAreBelowItsFirstBucket) {
  PageInput in = input();
  in.measurements.fsync.clear();
  for (int i = 24; i >= 0; --i) {
    FsyncSample one;
    one.us = kNow - i * kHour;
    one.source = FsyncSample::Source::etcd;
    one.count = 500;
    one.mean = 0.0006;
    one.below = 0.001;
    one.buckets = {{0.001, 500}};
    in.measurements.fsync.push_back(one);
  }
  EXPECT_THAT(page(in), HasSubstr("Flush p99 over time"));
  EXPECT_THAT(page(in), HasSubstr("etcd, mean"));
}

TEST(Page, ForTheProviderHoldsNothingOfTheRepository) {
  PageInput in = input();
  in.hostOnly = true;
  const std::string html = page(in);
  EXPECT_THAT(html, HasSubstr("84 ms"));
  for (const char* word : {"raise conntrack", "3f2a91c", "oslo-prod", "nordic-corp", "ip_forward", "Drift", "Ready"})
    EXPECT_THAT(html, Not(HasSubstr(word))) << word;
  EXPECT_THAT(page(input()), Not(HasSubstr("nordic-corp")));  // the URL helps no reader
}

TEST(Page, EscapesWhatOthersWrote) {
  const std::string hostile = "<script>alert(1)</script>\"'&\x1b[31m\xff]]><!--\xe2\x80\xae";
  PageInput in = input();
  Status& status = in.status;
  status.node = {hostile, hostile, hostile};
  status.version = hostile;
  for (auto& condition : status.conditions) {
    condition.type += hostile;
    condition.status += hostile;
    condition.reason = condition.message = hostile;
  }
  status.conditions.push_back({"DiskFit", "False", hostile, hostile, kNow});
  status.disk = R"({"verdict":"fit\" onload=\"x","reason":"<b>"})";
  status.headroom = Headroom{};
  in.generations[0].subject = in.generations[0].why = in.generations[0].commit = in.generations[0].cause = hostile;
  in.measurements.drift[0].subject = hostile;
  in.measurements.commits[0].subject = hostile;
  in.card = R"({"kernel":"<script>","cpu":{"model":"<img src=x>"},"datastore":{"disks":[{"name":"<!--"}]}})";
  const std::string html = page(in);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("<img")));
  EXPECT_THAT(html, Not(HasSubstr("onload=\"")));
  EXPECT_THAT(html, Not(HasSubstr("\x1b")));
  EXPECT_THAT(html, Not(HasSubstr("\xff")));
  EXPECT_THAT(html, Not(HasSubstr("<!--")));
  EXPECT_THAT(html, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"));
  EXPECT_THAT(html, HasSubstr("<div class=\"tile unknown\">Disk"));
}

TEST(Page, ShowsTheMachine) {
  PageInput in = input();
  in.card =
      R"({"cpu":{"model":"AMD EPYC 7543","count":4,"mhz":2794.7},"hypervisor":{"name":"KVM","machine":"QEMU i440FX",)"
      R"("stealReported":false,"why":"KVM was told not to"},"clock":{"source":"kvm-clock","available":["tsc"],)"
      R"("finding":""},"kernel":"6.1.0-28-amd64","memoryBytes":8589934592,"bootUs":1,"datastore":{"directory":)"
      R"("/var/lib/rancher/k3s/server/db","fileSystem":"ext4","source":"/dev/vda1","through":"vda1","disks":)"
      R"([{"name":"vda","kind":"virtio","model":"","scheduler":"none","writeCache":"write back","rotational":null,)"
      R"("bytes":107374182400}]}})";
  const std::string html = page(in);
  for (const char* row : {"<th>CPU</th><td>4 x AMD EPYC 7543, 2795 MHz</td>", "<th>memory</th><td>8.0 GiB</td>",
                          "<th>hypervisor</th><td>KVM, QEMU i440FX; it reports no steal (KVM was told not to)</td>",
                          "<th>measured on</th><td>/var/lib/rancher/k3s/server/db, ext4, through vda1</td>",
                          "<th>disk</th><td>vda, virtio, 100.0 GiB, scheduler none, cache write back</td>"})
    EXPECT_THAT(html, HasSubstr(row)) << row;
  for (const char* card : {"", "[]", "{}", "{\"cpu\":7,\"datastore\":{\"disks\":[1,null]},\"memoryBytes\":\"much\"}"}) {
    in.card = card;
    EXPECT_THAT(page(in), Not(HasSubstr("The machine"))) << card;
  }
}

TEST(Page, RefersToNothingOutside) {
  const std::string html = page(input());
  for (const char* word : {"src=", "href=", "url(", "@import", "<link", "<script", "<iframe"})
    EXPECT_THAT(html, Not(HasSubstr(word))) << word;
}

TEST(Page, IsWholeWhenNothingIsKnown) {
  const std::string html = page({});
  EXPECT_THAT(html, HasSubstr("Nothing was measured in this time."));
  EXPECT_THAT(html, HasSubstr("<b>unknown</b>"));
  EXPECT_TRUE(html.ends_with("</html>\n"));
  EXPECT_THAT(html, Not(HasSubstr("nan")));
}

TEST(Page, StaysSmallWhenThereIsMuch) {
  PageInput in = input();
  in.measurements.fsync.clear();
  in.measurements.steal.clear();
  for (int i = 0; i < 2000; ++i) {
    in.measurements.fsync.push_back(probe(kNow - i * kHour / 90, 0.001 * (1 + i % 40)));
    in.measurements.steal.push_back({kNow - i * kHour / 90, "fit", "", 0.01, 0.02, {}, {}, {}});
    in.measurements.drift.push_back(in.measurements.drift.front());
    in.measurements.commits.push_back(in.measurements.commits.front());
  }
  EXPECT_LT(page(in).size(), 300'000u);
}

TEST(Plots, NeverDrawWhatIsNoNumber) {
  LatencyPlot plot;
  plot.label = "x";
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  plot.bars = {{0, 0.001, 97}, {0.001, 0.002, 2}, {8.192, kInfinity, 1}, {0, 0, 5}, {0.001, 0.002, -1}};
  plot.limit = 0.01;
  for (const std::string& svg : {latencyPlot(plot), latencyPlot({}), timePlot({}), eventPlot({}),
                                 timePlot({.label = "y",
                                           .scale = TimePlot::Scale::logSeconds,
                                           .fromUs = 5,
                                           .toUs = 5,
                                           .limit = {},
                                           .series = {{"s", "a", {{5, 0}, {5, kInfinity}}}}})}) {
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
    EXPECT_THAT(svg, Not(HasSubstr("inf")));
    EXPECT_TRUE(svg.ends_with("</svg>\n"));
  }
  EXPECT_THAT(latencyPlot(plot), HasSubstr("class=\"fill-bad\"><title>8.2 s to more: 1</title>"));
}

TEST(Findings, KeepEtcdsBucketsHonest) {
  FsyncSample one;
  one.source = FsyncSample::Source::etcd;
  one.count = 1000;
  one.mean = 0.001;
  one.buckets = {{0.001, 900}, {0.016, 80}, {0.032, 15}, {std::numeric_limits<double>::infinity(), 5}};
  const auto found = fsyncFindings({one, one}, FsyncSample::Source::etcd, 0.010).value();
  EXPECT_EQ(found.flushes, 2000);
  EXPECT_EQ(found.slow, 40);  // those up to 16 ms may have been below 10 ms
  EXPECT_DOUBLE_EQ(found.p50.value(), 0.001);
  EXPECT_DOUBLE_EQ(found.p99.value(), 0.032);
  EXPECT_FALSE(fsyncFindings({one}, FsyncSample::Source::probe, 0.010));
  one.count = 60;
  one.buckets = {{0.001, 60}};
  EXPECT_FALSE(fsyncFindings({one}, FsyncSample::Source::etcd, 0.010)->p99);  // of too few
}

TEST(Findings, HoldSlowReconcilesAgainstTheHostOfTheSameHalfHours) {
  Measurements measured = reconciling();
  const auto found = reconcileFindings(measured.reconciles, ReconcileSample::Source::argocd).value();
  EXPECT_EQ(found.reconciles, 96 * 40);
  EXPECT_DOUBLE_EQ(found.worstMean, 6.0);
  EXPECT_DOUBLE_EQ(found.p50.value(), 0.5);
  EXPECT_DOUBLE_EQ(found.p99.value(), 8);
  EXPECT_NEAR(found.mean, (20 * 6.0 + 76 * 0.4) / 96, 1e-9);
  EXPECT_FALSE(reconcileFindings(measured.reconciles, ReconcileSample::Source::flux));

  const auto beside = reconcilesBeside(measured, ReconcileSample::Source::argocd).value();
  EXPECT_EQ(beside.slowest.results, 24u);
  EXPECT_EQ(beside.others.results, 72u);
  EXPECT_DOUBLE_EQ(beside.slowest.mean, 6.0);
  EXPECT_DOUBLE_EQ(beside.slowest.flushP99.value(), 0.034);
  EXPECT_DOUBLE_EQ(beside.others.flushP99.value(), 0.002);
  EXPECT_DOUBLE_EQ(beside.slowest.ioPressure.value(), 0.25);
  EXPECT_DOUBLE_EQ(beside.others.visible.value(), 0.004);
  EXPECT_FALSE(beside.others.hidden);

  measured.fsync.clear();
  EXPECT_FALSE(reconcilesBeside(measured, ReconcileSample::Source::argocd)->slowest.flushP99);
  measured.steal.clear();  // and then there is nothing to hold them against
  EXPECT_FALSE(reconcilesBeside(measured, ReconcileSample::Source::argocd));
}

TEST(Page, ShowsReconcilesBesideTheHost) {
  PageInput in = input();
  EXPECT_THAT(page(in), Not(HasSubstr("Argo CD")));
  in.measurements.reconciles = reconciling().reconciles;
  in.measurements.fsync = reconciling().fsync;
  in.measurements.steal = reconciling().steal;
  const std::string html = page(in);
  EXPECT_THAT(html, HasSubstr("<figcaption>Reconciles over time <span>mean of each half hour"));
  EXPECT_THAT(html, HasSubstr("Argo CD: 3840 reconciles, on average 1.6 s, 99 of 100 within 8 s; slowest in the half "
                              "hour before 2026-09-19 14:43 UTC: 6 s on average."));
  EXPECT_THAT(html, HasSubstr("<tr><th>Argo CD: slowest</th><td class=\"n\">24</td><td class=\"n\">6 s</td>"
                              "<td class=\"n\">34 ms</td><td class=\"n\">0.4 %</td><td class=\"n\">-</td>"
                              "<td class=\"n\">25 %</td></tr>"));
  EXPECT_THAT(html, HasSubstr("<tr><th>Argo CD: others</th><td class=\"n\">72</td><td class=\"n\">400 ms</td>"
                              "<td class=\"n\">2 ms</td>"));
  in.hostOnly = true;
  EXPECT_THAT(page(in), Not(HasSubstr("Argo CD")));
}

TEST(BenchHistory, ShowsReconcilesBesideTheHost) {
  Measurements measured = reconciling();
  const Screen screen{100, false, kNow, true, 0};
  const std::string text = renderMeasurements(measured, screen, false);
  EXPECT_THAT(text, HasSubstr("mean 1.57s of 3840 reconciles, most 6.00s at 2026-09-19 14:43\n"));
  EXPECT_THAT(text, HasSubstr("  slowest 24: 6.00s, flushes 34 ms, steal 0.4 %\n"));
  EXPECT_THAT(text, HasSubstr("  other 72: 0.40s, flushes 2 ms, steal 0.4 %\n"));
  const Json json = measurementsJson(measured);
  EXPECT_EQ(json["summary"]["argocd"]["windows"], 96);
  EXPECT_EQ(json["summary"]["argocd"]["beside"]["slowest"]["flushP99"], 0.034);
  EXPECT_TRUE(json["summary"]["flux"].is_null());
  EXPECT_EQ(json["reconciles"][0]["window"], 1800);
  measured = {};
  measured.reconciles = {
      ReconcileSample{.us = 1, .windowUs = 1, .count = 1, .mean = 1, .p50 = {}, .p99 = {}, .buckets = {}}};
  EXPECT_THAT(renderMeasurements(measured, screen, false), HasSubstr("argocd"));
}

TEST(BenchHistory, DrawsTheMostOfEachSpan) {
  EXPECT_EQ(sparkline({0.0, 0.5, 1.0, std::nullopt, 2.0}, 0, 1, true), "▁▅█ █");
  EXPECT_EQ(sparkline({0.0, 0.5, 1.0, std::nullopt, -1.0}, 0, 1, false), ".=# .");
  const PageInput in = input();
  const Screen screen{100, false, kNow, true, 0};
  const std::string text = renderMeasurements(in.measurements, screen, false);
  EXPECT_THAT(text, HasSubstr("2026-09-20 14:13:20 to 2026-09-21 14:13:20\n"));
  EXPECT_THAT(text, HasSubstr("most 84 ms at 09:13:20"));
  EXPECT_THAT(text, HasSubstr("most 31 % at 07:13:20"));
  EXPECT_THAT(text, HasSubstr("p50 1.70s, p90 1.70s, max 1.70s over 1 commit\n"));
  EXPECT_THAT(text, HasSubstr("1 event\n"));
  EXPECT_THAT(text, Not(HasSubstr("▁")));
  EXPECT_THAT(renderMeasurements({}, screen, true), HasSubstr("nothing was measured"));
}

}  // namespace
}  // namespace bedplate::report
