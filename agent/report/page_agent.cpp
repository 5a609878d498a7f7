// The half of the page that is about the agent and its repository.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agent/report/findings.h"
#include "agent/report/latency.h"
#include "agent/report/page_parts.h"
#include "agent/report/plots.h"
#include "agent/report/svg.h"
#include "agent/report/text.h"

namespace bedplate::report {
namespace {

std::string latencyOverTime(const Measurements& measured) {
  TimePlot plot;
  plot.label = "Sync latency of commits over time";
  plot.fromUs = measured.fromUs;
  plot.toUs = measured.toUs;
  TimePlot::Series series{"first seen to confirmed", "a", {}, false};
  for (const auto& times : measured.commits)
    if (const auto latency = apply::syncLatency(times))
      series.points.emplace_back(times.seenUs, std::max(*latency, 1e-3));
  if (series.points.empty()) return {};
  plot.series.push_back(std::move(series));
  const auto summary = apply::summarise(measured.commits);
  return figure("Sync latency", summary ? latencyLine(*summary) : "", timePlot(plot));
}

std::string driftOverTime(const Measurements& measured) {
  EventPlot plot;
  plot.label = "Drift events over time";
  plot.fromUs = measured.fromUs;
  plot.toUs = measured.toUs;
  for (const auto& event : measured.drift) plot.events.emplace_back(event.wallUs, event.repaired);
  return figure("Drift", fmt::format("{} events", plot.events.size()), eventPlot(plot));
}

constexpr std::array kReconcilers = {ReconcileSample::Source::argocd, ReconcileSample::Source::flux};

std::string orNone(const std::optional<double>& value, std::string (*words)(double)) {
  return value ? words(*value) : "-";
}

std::string meanwhileRow(const std::string& which, const HostMeanwhile& host) {
  return fmt::format(
      "<tr><th>{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>"
      "<td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
      which, host.results, secondsWords(host.mean), orNone(host.flushP99, secondsWords),
      orNone(host.visible, percentWords), orNone(host.hidden, percentWords), orNone(host.ioPressure, percentWords));
}

std::string reconcilesWords(const ReconcileFindings& found, ReconcileSample::Source source) {
  std::string words = fmt::format("<p>{}: {}, on average {}", called(source), count(found.reconciles, "reconcile"),
                                  secondsWords(found.mean));
  if (found.p99) words += fmt::format(", 99 of 100 within {}", secondsWords(*found.p99));
  return words + fmt::format("; slowest in the half hour before {}: {} on average.</p>\n", utc(found.worstUs),
                             secondsWords(found.worstMean));
}

}  // namespace

std::string reconcilePlot(const PageInput& input) {
  TimePlot plot;
  plot.label = "Mean duration of a reconcile over time";
  plot.fromUs = input.measurements.fromUs;
  plot.toUs = input.measurements.toUs;
  for (const auto source : kReconcilers) {
    TimePlot::Series series{called(source), source == kReconcilers.front() ? "a" : "b", {}};
    for (const auto& one : input.measurements.reconciles)
      if (one.source == source) series.points.emplace_back(one.us, std::max(one.mean, 1e-3));
    if (!series.points.empty()) plot.series.push_back(std::move(series));
  }
  if (plot.series.empty()) return {};
  return figure("Reconciles over time", "mean of each half hour, logarithmic, UTC", timePlot(plot));
}

std::string reconcilesTable(const PageInput& input) {
  std::string words, rows;
  for (const auto source : kReconcilers) {
    const auto found = reconcileFindings(input.measurements.reconciles, source);
    if (!found) continue;
    words += reconcilesWords(*found, source);
    const auto beside = reconcilesBeside(input.measurements, source);
    if (!beside) continue;
    rows += meanwhileRow(fmt::format("{}: slowest", called(source)), beside->slowest) +
            meanwhileRow(fmt::format("{}: others", called(source)), beside->others);
  }
  if (rows.empty()) return words;
  return words +
         "<p>What the host did in the same half hours, of the slowest fourth and of the others; medians. When flushes "
         "or steal are much worse in the first line than in the second, it is the host that makes them slow.</p>\n"
         "<div class=\"scroll\"><table>\n<tr><th></th><th class=\"n\">half hours</th><th class=\"n\">reconcile</th>"
         "<th class=\"n\">flush p99</th><th class=\"n\">steal</th><th class=\"n\">hidden</th>"
         "<th class=\"n\">waiting for the disk</th></tr>\n" +
         rows + "</table></div>\n";
}

std::string agentPlots(const PageInput& input) {
  return "<div class=\"plots\">\n" + latencyOverTime(input.measurements) + driftOverTime(input.measurements) +
         "</div>\n";
}

std::string conditionsTable(const PageInput& input) {
  std::string rows;
  for (const auto& one : input.status.conditions)
    rows +=
        fmt::format("<tr><th>{}</th><td{}>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n", markup(one.type),
                    one.status == "False" && one.type != "Stalled" && one.type != "Reconciling" ? " class=\"bad\"" : "",
                    markup(one.status), markup(one.reason), markup(one.message), utc(one.sinceUs));
  if (rows.empty()) return rows;
  return "<div class=\"scroll\"><table>\n<tr><th>condition</th><th>status</th><th>reason</th><th>message</th>"
         "<th>since</th></tr>\n" +
         rows + "</table></div>\n";
}

std::string generationsTable(const PageInput& input) {
  constexpr std::size_t kShown = 15;
  std::string rows;
  for (std::size_t i = 0; i < input.generations.size() && i < kShown; ++i) {
    const auto& one = input.generations[i];
    std::string latency = "-";
    for (const auto& times : input.measurements.commits)
      if (times.generation == one.number)
        if (const auto seconds = apply::syncLatency(times)) latency = latencyWords(*seconds);
    const bool bad = one.state == apply::GenerationState::rolledBack;
    rows += fmt::format(
        "<tr><td class=\"n\">{}</td><td{}>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td><td>{}</td>"
        "</tr>\n",
        one.number, bad ? " class=\"bad\"" : "", apply::name(one.state), markup(one.cause),
        markup(one.commit.substr(0, 7)), markup(one.subject + (one.why.empty() ? "" : " (" + one.why + ")")), latency,
        utc(one.finishedUs));
  }
  if (rows.empty()) return rows;
  return "<div class=\"scroll\"><table>\n<tr><th class=\"n\">generation</th><th>state</th><th>cause</th>"
         "<th>commit</th><th>subject</th><th class=\"n\">latency</th><th>finished</th></tr>\n" +
         rows + "</table></div>\n";
}

}  // namespace bedplate::report
