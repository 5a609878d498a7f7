// bedplate bench steal
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "agent/cli/bench.h"

namespace bedplate::cli {
namespace {

using bench::Verdict;

void sleepMs(std::int64_t ms) {
  const timespec time{ms / 1000, (ms % 1000) * 1'000'000};
  ::nanosleep(&time, nullptr);
}

host::Result<bench::StealSample> sampleAfter(Context& context, std::int64_t beginNs, std::int64_t windowMs) {
  constexpr std::int64_t kStepMs = 100;
  Bar bar(context, "steal");
  const std::int64_t windowNs = windowMs * 1'000'000;
  for (;;) {
    const std::int64_t elapsed = context.clock().monotonicNs() - beginNs;
    if (elapsed >= windowNs || StopOnInterrupt::flag()) break;
    bar(static_cast<double>(elapsed) / static_cast<double>(windowNs));
    sleepMs(std::min(kStepMs, (windowNs - elapsed) / 1'000'000 + 1));
  }
  return bench::readSteal(context.files(), context.clock().monotonicNs());
}

}  // namespace

host::Result<Verdict> benchSteal(Context& context, const BenchAsked& asked, report::Json& json) {
  constexpr double kLimit = 0.05;
  const auto windowMs = config::parseDurationMs(asked.window);
  if (!windowMs || *windowMs < 1000)
    return host::fail("Invalid", "--for", "'" + asked.window + "' is no duration of a second or more", "write 10s, 5m");
  std::string why;
  const bool reported = bench::stealReported(context.files(), why);
  const std::int64_t begin = context.clock().monotonicNs();
  BEDPLATE_TRY_LET(const auto before, bench::readSteal(context.files(), begin));
  BEDPLATE_TRY_LET(const auto after, sampleAfter(context, begin, *windowMs));
  const auto result = bench::compareSteal(before, after, reported, why, kLimit);
  json["steal"] = report::embedded(bench::toJson(result, context.clock().wallUs()));
  if (context.json()) return result.verdict;

  context.out() << "steal\n";
  benchRow(context, "window", fmt::format("{:.1f} s", static_cast<double>(result.windowNs) / 1e9));
  benchRow(context, "all CPUs", result.ratio ? fmt::format("{:.2f} %", *result.ratio * 100) : "unavailable: " + why);
  if (result.ratio && !result.perCpu.empty())
    benchRow(context, "worst CPU",
             fmt::format("{:.2f} %", *std::max_element(result.perCpu.begin(), result.perCpu.end()) * 100));
  verdictRow(context, result.verdict, result.reason);
  return result.verdict;
}

}  // namespace bedplate::cli
