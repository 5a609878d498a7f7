// The half of the page that is about the host.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "agent/report/findings.h"
#include "agent/report/page_parts.h"
#include "agent/report/plots.h"
#include "agent/report/svg.h"
#include "agent/report/text.h"
#include "agent/report/verdict.h"

namespace bedplate::report {
namespace {

using Source = FsyncSample::Source;

constexpr const char* kLimitSource =
    "etcd's documentation (FAQ, \"What does the etcd warning 'failed to send out heartbeat on time' mean?\"): the 99th "
    "percentile of wal_fsync_duration_seconds should be under 10 ms.";

const Condition* conditionOf(const Status& status, std::string_view type) {
  for (const auto& one : status.conditions)
    if (one.type == type) return &one;
  return nullptr;
}

// "fit", "marginal", "unfit", else "unknown": also a class of the style, so nothing else may come out.
std::string verdictOf(const Status& status, const char* type, const std::optional<std::string>& json) {
  const Measured measured = measuredFrom(json);
  const Condition* condition = conditionOf(status, type);
  std::string word = measured.verdict;
  if (condition != nullptr && condition->reason == "Fit") word = "fit";
  if (condition != nullptr && condition->reason == "Marginal") word = "marginal";
  if (condition != nullptr && condition->reason == "Unfit") word = "unfit";
  return word == "fit" || word == "marginal" || word == "unfit" ? word : "unknown";
}

std::string reasonOf(const Status& status, const char* type, const std::optional<std::string>& json) {
  const Condition* condition = conditionOf(status, type);
  if (condition != nullptr && !condition->message.empty()) return condition->message;
  const std::string reason = measuredFrom(json).reason;
  return reason.empty() ? "not measured" : reason;
}

std::string sinceOf(const Status& status, const char* type) {
  const Condition* condition = conditionOf(status, type);
  return condition == nullptr || condition->sinceUs == 0 ? std::string() : " Since " + utc(condition->sinceUs) + ".";
}

std::string tile(const char* what, const std::string& verdict, const std::string& reason, const std::string& limit) {
  return fmt::format("<div class=\"tile {}\">{}<br/><b>{}</b>\n<p>{}</p>\n<p class=\"soft\">{}</p></div>\n", verdict,
                     what, verdict, markup(reason), limit);
}

std::string row(const std::string& what, const std::string& value, const std::string& more, bool bad = false) {
  return fmt::format("<tr><th>{}</th><td class=\"n{}\">{}</td><td>{}</td></tr>\n", markup(what), bad ? " bad" : "",
                     markup(value), markup(more));
}

std::string shareOf(std::int64_t part, std::int64_t whole) {
  const double share = whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
  if (part > 0 && share < 0.0005) return "under 0.1 %";
  return percentWords(share);
}

// Rows that hold the flushes against the limit.
void fsyncLimitRows(const FsyncFindings& found, bool probe, double limit, const std::string& by, std::string& out) {
  out += row(by + "over the limit", fmt::format("{} of {}", found.over, found.results),
             std::string(probe ? "runs" : "windows") + " with a p99 over " + secondsWords(limit), found.over > 0);
  if (!found.buckets.empty())
    out += row(by + "slow flushes", std::to_string(found.slow),
               shareOf(found.slow, found.flushes) + " of all took longer than " + secondsWords(limit),
               found.slow * 100 > found.flushes);
}

void fsyncRows(const PageInput& input, Source source, std::string& out) {
  const double limit = input.measurements.diskLimit;
  const bool limited = !input.measurements.sqlite;
  const auto found = fsyncFindings(input.measurements.fsync, source, limit);
  if (!found) return;
  const bool probe = source == Source::probe;
  const std::string by = probe ? "probe: " : "etcd: ";
  const std::string atMost = probe ? "" : "at most ";
  out += row(by + "flushes", std::to_string(found->flushes),
             count(static_cast<std::int64_t>(found->results), probe ? "run" : "window"));
  if (found->p50)
    out += row(by + "p50", atMost + secondsWords(*found->p50), "of all flushes together");
  else if (found->mean > 0)
    out += row(by + "mean", secondsWords(found->mean), "of all flushes together");
  if (found->p99)
    out += row(by + "p99", atMost + secondsWords(*found->p99),
               "of all flushes together" + (limited ? "; limit " + secondsWords(limit) : std::string()),
               limited && *found->p99 > limit);
  if (found->worstP99 > 0)
    out += row(by + "worst p99", secondsWords(found->worstP99),
               "of one " + std::string(probe ? "run" : "window") + ", " + utc(found->worstUs),
               limited && found->worstP99 > limit);
  if (limited) fsyncLimitRows(*found, probe, limit, by, out);
  if (probe) out += row(by + "stalls", std::to_string(found->stalls), "flushes of more than 500 ms", found->stalls > 0);
}

void stealRows(const PageInput& input, std::string& out) {
  const auto rows = [&](const char* name, std::optional<double> StealSample::* kind, const char* what) {
    const auto found = stealFindings(input.measurements.steal, kind, input.measurements.stealLimit);
    if (!found) return;
    out += row(std::string(name) + ": median", percentWords(found->median), what);
    out += row(std::string(name) + ": most", percentWords(found->most), utc(found->mostUs),
               found->most > input.measurements.stealLimit);
    out += row(std::string(name) + ": over the limit", fmt::format("{} of {}", found->over, found->results),
               "windows over " + percentWords(input.measurements.stealLimit), found->over > 0);
  };
  rows("steal, visible", &StealSample::visible, "of CPU time, as the hypervisor says (/proc/stat)");
  rows("steal, hidden", &StealSample::hidden, "of CPU time, taken beneath this machine and not reported");
}

std::vector<LatencyPlot::Bar> barsOf(const FsyncFindings& found, Source source) {
  std::vector<LatencyPlot::Bar> bars;
  for (const auto& [seconds, times] : found.buckets) {
    if (source == Source::probe)
      bars.push_back({seconds, seconds, times});
    else
      bars.push_back({seconds < 0.0011 ? 0 : std::isfinite(seconds) ? seconds / 2 : 8.192, seconds, times});
  }
  return bars;
}

void histogramOf(const PageInput& input, Source source, std::string& out) {
  const auto found = fsyncFindings(input.measurements.fsync, source, input.measurements.diskLimit);
  if (!found || found->buckets.empty()) return;
  LatencyPlot plot;
  plot.label = "Histogram of flush durations";
  plot.bars = barsOf(*found, source);
  if (!input.measurements.sqlite) plot.limit = input.measurements.diskLimit;
  if (source == Source::probe) plot.p99 = found->p99;
  out += figure(source == Source::probe ? "Flushes by the probe" : "Flushes by etcd",
                fmt::format("{} by duration", found->flushes), latencyPlot(plot));
}

std::string fsyncOverTime(const PageInput& input) {
  TimePlot plot;
  plot.label = "p99 of flush durations over time";
  plot.fromUs = input.measurements.fromUs;
  plot.toUs = input.measurements.toUs;
  if (!input.measurements.sqlite) plot.limit = input.measurements.diskLimit;
  TimePlot::Series probe{"probe", "a", {}}, etcd{"etcd", "b", {}}, mean{"etcd, mean", "c", {}};
  for (const auto& one : input.measurements.fsync) {
    if (one.p99)
      (one.source == Source::probe ? probe : etcd).points.emplace_back(one.us, *one.p99);
    else if (one.source == Source::etcd && one.mean > 0)
      mean.points.emplace_back(one.us, one.mean);  // the p99 lies below etcd's first bucket
  }
  if (probe.points.empty() && etcd.points.empty() && mean.points.empty()) return {};
  for (auto* series : {&probe, &etcd, &mean})
    if (!series->points.empty()) plot.series.push_back(std::move(*series));
  return figure("Flush p99 over time", "logarithmic, UTC", timePlot(plot));
}

std::string stealOverTime(const PageInput& input) {
  TimePlot plot;
  plot.label = "CPU steal over time";
  plot.scale = TimePlot::Scale::share;
  plot.fromUs = input.measurements.fromUs;
  plot.toUs = input.measurements.toUs;
  plot.limit = input.measurements.stealLimit;
  TimePlot::Series visible{"visible", "a", {}}, hidden{"hidden", "b", {}};
  for (const auto& one : input.measurements.steal) {
    if (one.visible) visible.points.emplace_back(one.us, *one.visible);
    if (one.hidden) hidden.points.emplace_back(one.us, *one.hidden);
  }
  if (visible.points.empty() && hidden.points.empty()) return {};
  for (auto* series : {&visible, &hidden})
    if (!series->points.empty()) plot.series.push_back(std::move(*series));
  return figure("CPU steal over time", "share of CPU time, UTC", timePlot(plot));
}

std::string limitRow(const std::string& what, std::int64_t used, std::int64_t limit, const std::string& more) {
  if (limit <= 0) return {};
  const double share = std::clamp(static_cast<double>(used) / static_cast<double>(limit), 0.0, 1.0);
  return fmt::format(
      "<tr><th>{}</th><td class=\"n\">{} of {}</td><td class=\"n\">{}</td><td><span class=\"bar\"><i{} "
      "style=\"width:{:.1f}%\"></i></span></td><td>{}</td></tr>\n",
      markup(what), used, limit, percentWords(share), share >= kTight ? " class=\"high\"" : "", share * 100,
      markup(more));
}

}  // namespace

std::string diskVerdict(const Status& status) { return verdictOf(status, "DiskFit", status.disk); }
std::string cpuVerdict(const Status& status) { return verdictOf(status, "CpuFit", status.steal); }

std::string verdictTiles(const PageInput& input) {
  const Status& status = input.status;
  constexpr double kEtcds = 0.010;
  const double limit = input.measurements.diskLimit;
  const bool sqlite = input.measurements.sqlite;
  const std::string disk =
      sqlite ? "SQLite flushes at checkpoints only: those are judged." + sinceOf(status, "DiskFit")
             : fmt::format("Limit: {} at the 99th percentile, {}.{}", secondsWords(limit),
                           std::abs(limit - kEtcds) < 1e-6 ? "from etcd's documentation"
                                                           : "set for this node (etcd's documentation: 10 ms)",
                           sinceOf(status, "DiskFit"));
  const std::string cpu = fmt::format("Limit: {} of CPU time over some minutes.{}",
                                      percentWords(input.measurements.stealLimit), sinceOf(status, "CpuFit"));
  return "<div class=\"tiles\">\n" + tile("Disk", diskVerdict(status), reasonOf(status, "DiskFit", status.disk), disk) +
         tile("CPU", cpuVerdict(status), reasonOf(status, "CpuFit", status.steal), cpu) + "</div>\n";
}

std::string numbersTable(const PageInput& input) {
  std::string rows;
  fsyncRows(input, Source::probe, rows);
  fsyncRows(input, Source::etcd, rows);
  stealRows(input, rows);
  if (rows.empty()) return "<p>Nothing was measured in this time.</p>\n";
  return "<div class=\"scroll\"><table>\n" + rows + "</table></div>\n";
}

std::string hostPlots(const PageInput& input) {
  std::string plots;
  histogramOf(input, Source::probe, plots);
  histogramOf(input, Source::etcd, plots);
  plots += fsyncOverTime(input);
  plots += stealOverTime(input);
  if (!input.hostOnly) plots += reconcilePlot(input);
  return plots.empty() ? plots : "<div class=\"plots\">\n" + plots + "</div>\n";
}

std::string method(const PageInput& input) {
  const auto has = [&](Source source) {
    return std::any_of(input.measurements.fsync.begin(), input.measurements.fsync.end(),
                       [&](const FsyncSample& one) { return one.source == source; });
  };
  std::string text;
  if (has(Source::probe))
    text +=
        "<p><b>Disk, probe.</b> What etcd does with its log, without etcd: into a preallocated file on the file system "
        "of the datastore one write of 2300 bytes, then fdatasync, at a steady pace of a few each second, for some "
        "seconds at a time. The time of the fdatasync alone is counted. At this pace the "
        "probe does not load the disk: a slow flush is not of its making.</p>\n";
  if (has(Source::etcd))
    text +=
        "<p><b>Disk, etcd.</b> The histogram that etcd itself keeps (etcd_disk_wal_fsync_duration_seconds), as the "
        "differences between readings. Its buckets double from 1 ms on, so a percentile is known to its bucket.</p>\n";
  if (!input.measurements.steal.empty())
    text +=
        "<p><b>CPU.</b> Visible steal is the time that the hypervisor itself says a ready virtual CPU had to wait "
        "(/proc/stat). Hidden steal is found by short runs that watch the clock: gaps in which the kernel of this "
        "machine ran nothing else were taken beneath it.</p>\n";
  if (input.measurements.sqlite)
    return text +
           "<p class=\"soft\">The datastore here is SQLite. It does not flush each write as etcd does, so etcd's "
           "limit of 10 ms a flush is not held against this disk; what a commit waits for is a checkpoint.</p>\n";
  text += "<p class=\"soft\">The limit of 10 ms is from " + markup(kLimitSource) +
          " Slower flushes hold up etcd's heartbeats; with enough of them it loses its leader, and with it the "
          "Kubernetes API.</p>\n";
  return text;
}

std::string headroomTable(const PageInput& input) {
  if (!input.status.headroom) return {};
  const Headroom& headroom = *input.status.headroom;
  std::string rows;
  if (const auto& conntrack = headroom.conntrack)
    rows += limitRow("tracked connections", conntrack->entries, conntrack->limit, "");
  if (const auto& inotify = headroom.inotify) {
    constexpr std::size_t kUsers = 3;
    for (std::size_t i = 0; i < inotify->users.size() && i < kUsers; ++i) {
      const auto& user = inotify->users[i];
      rows += limitRow(fmt::format("inotify instances, uid {}", user.uid), user.instances, inotify->instancesLimit, "");
      if (inotify->watchesUs > 0)
        rows += limitRow(fmt::format("inotify watches, uid {}", user.uid), user.watches, inotify->watchesLimit, "");
    }
  }
  if (const auto& handles = headroom.fileHandles) rows += limitRow("file handles", handles->used, handles->limit, "");
  if (rows.empty()) return {};
  return "<p class=\"soft\">As of " + utc(headroom.takenUs) + ".</p>\n<div class=\"scroll\"><table>\n" + rows +
         "</table></div>\n";
}

}  // namespace bedplate::report
