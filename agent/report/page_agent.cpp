// The half of the page that is about the agent and its repository.
#include <fmt/format.h>

#include <algorithm>

#include "agent/report/latency.h"
#include "agent/report/page_parts.h"
#include "agent/report/plots.h"
#include "agent/report/svg.h"

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

}  // namespace

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
