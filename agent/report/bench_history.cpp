#include "agent/report/bench_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "agent/report/findings.h"
#include "agent/report/latency.h"
#include "agent/report/plots.h"
#include "agent/report/text.h"

namespace bedplate::report {
namespace {

using Source = FsyncSample::Source;
using Points = std::vector<std::pair<std::int64_t, double>>;

// The most of each span of time: a stall must not be averaged away.
std::vector<std::optional<double>> spans(const Points& points, std::int64_t fromUs, std::int64_t toUs,
                                         std::size_t cells) {
  std::vector<std::optional<double>> values(cells);
  const auto length = static_cast<double>(std::max<std::int64_t>(toUs - fromUs, 1));
  for (const auto& [us, value] : points) {
    if (us < fromUs || us > toUs) continue;
    const double share = static_cast<double>(us - fromUs) / length;
    auto& cell = values[std::min(static_cast<std::size_t>(share * static_cast<double>(cells)), cells - 1)];
    cell = std::max(cell.value_or(value), value);
  }
  return values;
}

class Lines {
 public:
  Lines(const Measurements& measured, const Screen& screen, bool unicode)
      : measured_(measured), screen_(screen), unicode_(unicode) {
    constexpr int kWords = 48, kLeast = 16, kMost = 48;
    cells_ = static_cast<std::size_t>(std::clamp(screen.columns - kWords, kLeast, kMost));
  }

  // Logarithmic, from 10^least to 10^most seconds.
  void seconds(std::string_view label, const Points& points, const std::string& words, double least, double most) {
    std::vector<std::optional<double>> values = spans(points, measured_.fromUs, measured_.toUs, cells_);
    for (auto& value : values)
      if (value) value = std::log10(std::max(*value, 1e-7));
    add(label, sparkline(values, least, most, unicode_), words);
  }
  // Up to twice the usual limit, whatever this node's is: two nodes are to be compared.
  static constexpr double kStealTop = 0.10;
  void share(std::string_view label, const Points& points, const std::string& words) {
    add(label, sparkline(spans(points, measured_.fromUs, measured_.toUs, cells_), 0, kStealTop, unicode_), words);
  }
  void events(std::string_view label, const Points& points, const std::string& words) {
    std::vector<std::optional<double>> counts(cells_);
    double most = 1;
    const auto length = static_cast<double>(std::max<std::int64_t>(measured_.toUs - measured_.fromUs, 1));
    for (const auto& [us, one] : points) {
      const double at = static_cast<double>(us - measured_.fromUs) / length;
      if (at < 0 || at > 1) continue;
      auto& cell = counts[std::min(static_cast<std::size_t>(at * static_cast<double>(cells_)), cells_ - 1)];
      cell = cell.value_or(0) + one;
      most = std::max(most, *cell);
    }
    add(label, sparkline(counts, 0, most, unicode_), words);
  }
  void add(std::string_view label, const std::string& line, const std::string& words) {
    out_ += paint(fmt::format("  {:<11}", label), Colour::faint, screen_.colour) + line + "  " + words + "\n";
  }
  [[nodiscard]] std::string at(std::int64_t us) const {
    return clockTime(us, measured_.toUs, screen_.utcOffsetSeconds);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  const Measurements& measured_;
  const Screen& screen_;
  bool unicode_;
  std::size_t cells_ = 0;
  std::string out_;
};

std::string lastAndMost(const Points& points, const Lines& lines, auto words) {
  const auto most =
      std::max_element(points.begin(), points.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return fmt::format("last {}, most {} at {}", words(points.back().second), words(most->second), lines.at(most->first));
}

void fsyncLine(const Measurements& measured, Source source, Lines& lines) {
  Points points;
  bool any = false;
  for (const auto& one : measured.fsync) {
    if (one.source != source) continue;
    any = true;
    if (one.p99) points.emplace_back(one.us, *one.p99);
  }
  const char* label = source == Source::probe ? "fsync p99" : "etcd p99";
  if (!points.empty())
    lines.seconds(label, points, lastAndMost(points, lines, secondsWords), -4, 0);  // the limit lies in the middle
  else if (any)
    lines.add(label, "", "measured, with too few flushes or too wide buckets for a p99");
}

void stealLine(const Measurements& measured, std::string_view label, std::optional<double> StealSample::* kind,
               Lines& lines) {
  Points points;
  for (const auto& one : measured.steal)
    if (one.*kind) points.emplace_back(one.us, *(one.*kind));
  if (!points.empty()) lines.share(label, points, lastAndMost(points, lines, percentWords));
}

// "2.1s, flushes 34 ms, steal 6.1 %, hidden 0.4 %", of what is known.
std::string meanwhileWords(const HostMeanwhile& host) {
  std::string words = latencyWords(host.mean);
  if (host.flushP99) words += ", flushes " + secondsWords(*host.flushP99);
  if (host.visible) words += ", steal " + percentWords(*host.visible);
  if (host.hidden) words += ", hidden " + percentWords(*host.hidden);
  return words;
}

void reconcileLines(const Measurements& measured, ReconcileSample::Source source, Lines& lines) {
  const auto found = reconcileFindings(measured.reconciles, source);
  if (!found) return;
  Points points;
  for (const auto& one : measured.reconciles)
    if (one.source == source) points.emplace_back(one.us, one.mean);
  lines.seconds(
      name(source), points,
      fmt::format("mean {} of {}, most {} at {}", latencyWords(found->mean), count(found->reconciles, "reconcile"),
                  latencyWords(found->worstMean), lines.at(found->worstUs)),
      -1, 2);
  const auto beside = reconcilesBeside(measured, source);
  if (!beside) return;
  lines.add("", "", fmt::format("slowest {}: {}", beside->slowest.results, meanwhileWords(beside->slowest)));
  lines.add("", "", fmt::format("other {}: {}", beside->others.results, meanwhileWords(beside->others)));
}

Json optional(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json fsyncJson(const FsyncSample& one) {
  const bool probe = one.source == Source::probe;
  return Json{{"time", timeJson(one.us)},
              {"source", probe ? "probe" : "etcd"},
              {"verdict", one.verdict},
              {"reason", one.reason},
              {"flushes", one.count},
              {"mean", one.mean},
              {"p50", optional(one.p50)},
              {"p99", optional(one.p99)},
              {"max", probe ? Json(one.max) : Json(nullptr)},
              {"stalls", probe ? Json(one.stalls) : Json(nullptr)}};
}

Json findingsJson(const std::optional<FsyncFindings>& found, double limit) {
  if (!found) return nullptr;
  return Json{{"results", found->results},
              {"flushes", found->flushes},
              {"mean", found->mean},
              {"p50", optional(found->p50)},
              {"p99", optional(found->p99)},
              {"worstP99", found->worstP99 > 0 ? Json(found->worstP99) : Json(nullptr)},
              {"worst", timeJson(found->worstUs)},
              {"resultsOverLimit", found->over},
              {"flushesOverLimit", found->slow},
              {"stalls", found->stalls},
              {"limit", limit}};
}

Json findingsJson(const std::optional<StealFindings>& found, double limit) {
  if (!found) return nullptr;
  return Json{{"results", found->results},        {"median", found->median},         {"most", found->most},
              {"worst", timeJson(found->mostUs)}, {"resultsOverLimit", found->over}, {"limit", limit}};
}

Json meanwhileJson(const HostMeanwhile& host) {
  return Json{{"windows", host.results},
              {"mean", host.mean},
              {"flushP99", optional(host.flushP99)},
              {"stealVisible", optional(host.visible)},
              {"stealHidden", optional(host.hidden)},
              {"ioPressure", optional(host.ioPressure)}};
}

Json reconcilesJson(const Measurements& measured, ReconcileSample::Source source) {
  const auto found = reconcileFindings(measured.reconciles, source);
  if (!found) return nullptr;
  Json json{{"windows", found->results},
            {"reconciles", found->reconciles},
            {"mean", found->mean},
            {"p50", optional(found->p50)},
            {"p99", optional(found->p99)},
            {"worstMean", found->worstMean},
            {"worst", timeJson(found->worstUs)},
            {"beside", nullptr}};
  if (const auto beside = reconcilesBeside(measured, source))
    json["beside"] = {{"slowest", meanwhileJson(beside->slowest)}, {"others", meanwhileJson(beside->others)}};
  return json;
}

}  // namespace

std::string sparkline(const std::vector<std::optional<double>>& values, double least, double most, bool unicode) {
  constexpr std::array<std::string_view, 8> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::array<std::string_view, 7> kMarks = {".", ":", "-", "=", "+", "*", "#"};
  const std::size_t steps = unicode ? kBlocks.size() : kMarks.size();
  std::string out;
  for (const auto& value : values) {
    if (!value) {
      out += ' ';
      continue;
    }
    const double share = most > least ? std::clamp((*value - least) / (most - least), 0.0, 1.0) : 0;
    const auto step = std::min(static_cast<std::size_t>(share * static_cast<double>(steps)), steps - 1);
    out += unicode ? kBlocks[step] : kMarks[step];
  }
  return out;
}

std::string renderMeasurements(const Measurements& measured, const Screen& screen, bool unicode) {
  if (measured.fsync.empty() && measured.steal.empty() && measured.reconciles.empty() && measured.commits.empty() &&
      measured.drift.empty())
    return "nothing was measured in this time; bedplate bench disk|steal measures now\n";
  Lines lines(measured, screen, unicode);
  fsyncLine(measured, Source::probe, lines);
  fsyncLine(measured, Source::etcd, lines);
  stealLine(measured, "steal", &StealSample::visible, lines);
  stealLine(measured, "hidden", &StealSample::hidden, lines);
  Points latencies;
  for (const auto& times : measured.commits)
    if (const auto latency = apply::syncLatency(times)) latencies.emplace_back(times.seenUs, *latency);
  if (const auto summary = apply::summarise(measured.commits)) {
    lines.seconds("sync", latencies, latencyLine(*summary), -1, 2);
  }
  for (const auto source : {ReconcileSample::Source::argocd, ReconcileSample::Source::flux})
    reconcileLines(measured, source, lines);
  Points drifts;
  for (const auto& event : measured.drift) drifts.emplace_back(event.wallUs, 1);
  lines.events("drift", drifts, count(static_cast<std::int64_t>(drifts.size()), "event"));
  const std::int64_t offset = screen.utcOffsetSeconds;
  return paint(dateTime(measured.fromUs, offset) + " to " + dateTime(measured.toUs, offset), Colour::bold,
               screen.colour) +
         "\n" + lines.take();
}

Json measurementsJson(const Measurements& measured) {
  Json json{{"from", timeJson(measured.fromUs)}, {"to", timeJson(measured.toUs)}};
  json["summary"] = Json{
      {"probe", findingsJson(fsyncFindings(measured.fsync, Source::probe, measured.diskLimit), measured.diskLimit)},
      {"etcd", findingsJson(fsyncFindings(measured.fsync, Source::etcd, measured.diskLimit), measured.diskLimit)},
      {"stealVisible",
       findingsJson(stealFindings(measured.steal, &StealSample::visible, measured.stealLimit), measured.stealLimit)},
      {"stealHidden",
       findingsJson(stealFindings(measured.steal, &StealSample::hidden, measured.stealLimit), measured.stealLimit)},
      {"argocd", reconcilesJson(measured, ReconcileSample::Source::argocd)},
      {"flux", reconcilesJson(measured, ReconcileSample::Source::flux)},
      {"syncLatency", latencyJson(apply::summarise(measured.commits))},
      {"driftEvents", measured.drift.size()}};
  json["fsync"] = Json::array();
  for (const auto& one : measured.fsync) json["fsync"].push_back(fsyncJson(one));
  json["steal"] = Json::array();
  for (const auto& one : measured.steal)
    json["steal"].push_back(Json{{"time", timeJson(one.us)},
                                 {"verdict", one.verdict},
                                 {"visible", optional(one.visible)},
                                 {"hidden", optional(one.hidden)},
                                 {"pressure",
                                  {{"cpu", optional(one.cpuPressure)},
                                   {"io", optional(one.ioPressure)},
                                   {"memory", optional(one.memoryPressure)}}}});
  json["reconciles"] = Json::array();
  for (const auto& one : measured.reconciles)
    json["reconciles"].push_back(Json{{"time", timeJson(one.us)},
                                      {"source", name(one.source)},
                                      {"window", std::round(static_cast<double>(one.windowUs) / 1e6)},
                                      {"count", one.count},
                                      {"mean", one.mean},
                                      {"p50", optional(one.p50)},
                                      {"p99", optional(one.p99)}});
  json["commits"] = Json::array();
  for (const auto& times : measured.commits) json["commits"].push_back(commitTimesJson(times));
  json["drift"] = Json::array();
  for (const auto& event : measured.drift) json["drift"].push_back(driftJson(event));
  return json;
}

}  // namespace bedplate::report
