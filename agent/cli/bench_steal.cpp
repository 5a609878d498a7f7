// bedplate bench steal
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "agent/cli/bench.h"
#include "agent/cli/cpu_table.h"
#include "agent/cli/cpu_watch.h"

namespace bedplate::cli {
namespace {

using bench::Verdict;

std::string percent(double share) { return fmt::format("{:.2f} %", share * 100); }

double milliseconds(std::int64_t ns) { return static_cast<double>(ns) / 1e6; }

// Of node.yaml, as the daemon took it over last.
double limitOf(Context& context) {
  constexpr double kWithout = 0.05;
  auto store = context.openStore();
  if (!store) return kWithout;
  const auto benchmark = store->benchmark();
  return benchmark ? benchmark->stealLimit.value_or(kWithout) : kWithout;
}

std::string pressureWords(const bench::Pressures& pressure) {
  std::string words;
  for (std::size_t i = 0; i < pressure.of.size(); ++i) {
    const auto& one = pressure.of[i];
    words += fmt::format("{}{} {}", words.empty() ? "" : "  ", bench::Pressures::kNames[i],
                         one && one->some ? percent(one->some->avg60) : "unknown");
  }
  return words + "  (some, last 60 s)";
}

}  // namespace

void stealRows(Context& context, const bench::CpuResult& result) {
  const auto& hidden = result.hidden;
  benchRow(context, "reported",
           result.visible.ratio ? percent(*result.visible.ratio) + " of CPU time" : result.visible.reason);
  benchRow(context, "hidden",
           hidden.ratio ? fmt::format("{}, {} gaps over 0.05 ms, the longest {:.2f} ms", percent(*hidden.ratio),
                                      hidden.gaps, milliseconds(hidden.longestNs))
                        : "unknown: " + hidden.why);
  if (hidden.bursts > 0) {
    const auto watched = static_cast<double>(hidden.ownNs + hidden.preemptedNs);
    benchRow(context, "other tasks",
             fmt::format("{} of the watched {:.1f} s{}",
                         percent(watched > 0 ? static_cast<double>(hidden.preemptedNs) / watched : 0), watched / 1e9,
                         hidden.throttledNs > 0 ? fmt::format(", of which {:.0f} ms by a quota of our own",
                                                              milliseconds(hidden.throttledNs))
                                                : ""));
    if (hidden.slower)
      benchRow(context, "slower",
               fmt::format("{} than at its best: neighbours on the core, or the clock rate", percent(*hidden.slower)));
    benchRow(context, "clock", fmt::format("{} ns for a look at it", hidden.clockNs));
  }
  benchRow(context, "pressure", pressureWords(result.pressure));
}

host::Result<bench::CpuResult> measureCpu(Context& context, std::int64_t windowNs,
                                          const std::function<void(const CpuWatch&, std::int64_t)>& tick) {
  CpuWatch watch(context, limitOf(context));
  BEDPLATE_TRY(watch.run(windowNs, [&](std::int64_t passedNs) { tick(watch, passedNs); }));
  return watch.result();
}

host::Result<std::int64_t> cpuWindowNs(const BenchAsked& asked, std::int64_t withoutNs) {
  if (asked.window.empty()) return withoutNs;
  const auto ms = config::parseDurationMs(asked.window);
  if (!ms || *ms < 1000 || *ms > 3'600'000)
    return host::fail("Invalid", "--for", "'" + asked.window + "' is no duration of a second to an hour",
                      "write 30s, 5m");
  return *ms * 1'000'000;
}

host::Result<Verdict> benchSteal(Context& context, const BenchAsked& asked, report::Json& json) {
  constexpr std::size_t kMostRows = 32;
  BEDPLATE_TRY_LET(const std::int64_t windowNs, cpuWindowNs(asked, 10'000'000'000));
  if (!context.json()) context.out() << "steal\n" << std::flush;
  bench::CpuResult result;
  {
    LiveCpus live(context);
    BEDPLATE_TRY_LET(result, measureCpu(context, windowNs, [&](const CpuWatch& watch, std::int64_t passedNs) {
                       live.show(watch.result(), passedNs, windowNs);
                     }));
  }
  json["steal"] = report::embedded(bench::toJson(result, context.clock().wallUs()));
  if (context.json()) return result.verdict;
  for (const auto& line : cpuTable(result, kMostRows)) context.out() << line << "\n";
  benchRow(context, "window", fmt::format("{:.1f} s", static_cast<double>(result.visible.windowNs) / 1e9));
  stealRows(context, result);
  verdictRow(context, result.verdict, result.reason);
  return result.verdict;
}

}  // namespace bedplate::cli
