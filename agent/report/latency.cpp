#include "agent/report/latency.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/report/json_read.h"
#include "agent/report/text.h"

namespace bedplate::report {
namespace {

using Step = std::pair<const char*, std::int64_t apply::CommitTimes::*>;
constexpr std::array<Step, 4> kSteps = {Step{"fetched", &apply::CommitTimes::fetchedUs},
                                        {"applied", &apply::CommitTimes::appliedUs},
                                        {"confirmed", &apply::CommitTimes::confirmedUs},
                                        {"accepted", &apply::CommitTimes::acceptedUs}};

double secondsAfter(const apply::CommitTimes& times, std::int64_t us) {
  return std::round(static_cast<double>(us - times.seenUs) / 1e3) / 1e3;
}

double readSeconds(const Json& json, const char* key) {
  constexpr double kCentury = 3e9;
  double seconds = 0;
  read(json, key, seconds);
  if (!(seconds > -kCentury && seconds < kCentury)) throw WrongType(key);
  return seconds;
}

}  // namespace

Json commitTimesJson(const apply::CommitTimes& times) {
  Json seconds = Json::object();
  for (const auto& [name, at] : kSteps)
    seconds[name] = times.*at == 0 ? Json(nullptr) : Json(secondsAfter(times, times.*at));
  return Json{{"commit", times.commit},
              {"subject", times.subject},
              {"generation", times.generation == 0 ? Json(nullptr) : Json(times.generation)},
              {"seen", timeJson(times.seenUs)},
              {"waited", times.waited},
              {"seconds", std::move(seconds)}};
}

apply::CommitTimes readCommitTimes(const Json& json) {
  apply::CommitTimes times;
  read(json, "commit", times.commit);
  read(json, "subject", times.subject);
  if (find(json, "generation") != nullptr) read(json, "generation", times.generation);
  readTime(json, "seen", times.seenUs);
  read(json, "waited", times.waited);
  const Json& seconds = section(json, "seconds");
  for (const auto& [name, at] : kSteps) {
    if (find(seconds, name) == nullptr) continue;
    const double after = readSeconds(seconds, name);
    times.*at = times.seenUs + std::llround(after * 1e6);
  }
  return times;
}

Json latencyJson(const std::optional<apply::LatencySummary>& summary) {
  if (!summary) return nullptr;
  const auto rounded = [](double seconds) { return std::round(seconds * 1e3) / 1e3; };
  return Json{{"commits", summary->commits},
              {"p50", rounded(summary->p50)},
              {"p90", rounded(summary->p90)},
              {"max", rounded(summary->max)}};
}

apply::LatencySummary readLatency(const Json& json) {
  apply::LatencySummary summary;
  std::int64_t commits = 0;
  read(json, "commits", commits);
  summary.commits = commits > 0 ? static_cast<std::size_t>(commits) : 0;
  summary.p50 = readSeconds(json, "p50");
  summary.p90 = readSeconds(json, "p90");
  summary.max = readSeconds(json, "max");
  return summary;
}

std::string latencyWords(double seconds) {
  constexpr double kMinutes = 120;
  return seconds < kMinutes ? took(seconds) : duration(std::llround(seconds * 1e6));
}

std::string latencyLine(const apply::CommitTimes& times, std::int64_t utcOffsetSeconds) {
  std::string line;
  if (const auto latency = apply::syncLatency(times)) line = latencyWords(*latency) + ": ";
  line += "seen " + dateTime(times.seenUs, utcOffsetSeconds);
  for (const auto& [name, at] : kSteps)
    if (times.*at != 0) line += fmt::format(", {} +{}", name, latencyWords(secondsAfter(times, times.*at)));
  if (!times.waited.empty()) line += "; not counted: " + times.waited;
  return line;
}

std::string latencyLine(const apply::LatencySummary& summary) {
  return fmt::format("p50 {}, p90 {}, max {} over {}", latencyWords(summary.p50), latencyWords(summary.p90),
                     latencyWords(summary.max), count(static_cast<std::int64_t>(summary.commits), "commit"));
}

}  // namespace bedplate::report
