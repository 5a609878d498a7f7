// Verdicts on a disk, by a percentile and its limit:
//   unknown   too few samples for the percentile, and not so many over the limit that more could not help
//   unfit     the percentile is over the limit
//   marginal  it is over half of the limit, or anything stalled
//   fit       else
#include "tuning/bench/judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "tuning/bench/disk.h"
#include "tuning/bench/words.h"

namespace bedplate::bench {
namespace {

struct Rule {
  double percent;
  const char* shown;
  std::uint64_t limitNs;
  const char* unit;
};

std::uint64_t scaled(std::uint64_t ns, double margin) {
  return static_cast<std::uint64_t>(static_cast<double>(ns) * margin);
}

Judged judgeBy(const Histogram& samples, const Rule& rule, const std::string& stalled, double margin) {
  const std::uint64_t enough = enoughFor(rule.percent);
  const std::uint64_t limit = scaled(rule.limitNs, margin);
  const std::uint64_t over = samples.above(limit);
  const std::string words = latencyWords(rule.limitNs);
  if (samples.count() < enough) {
    // So many that they would decide also if all that are missing were good.
    if (over * 100 > enough * static_cast<std::uint64_t>(100 - rule.percent))
      return {Verdict::unfit,
              fmt::format("{} of {} {} over the limit of {}{}", over, samples.count(), rule.unit, words, stalled)};
    return {stalled.empty() ? Verdict::unknown : Verdict::marginal,
            fmt::format("{} {} are too few for a {}, it takes {}{}", samples.count(), rule.unit, rule.shown, enough,
                        stalled)};
  }
  const std::uint64_t value = std::min(samples.percentile(rule.percent), samples.max());
  Verdict verdict = Verdict::fit;
  if (value > limit / 2 || !stalled.empty()) verdict = Verdict::marginal;
  if (value > limit) verdict = Verdict::unfit;
  return {verdict, fmt::format("{} {} over {} {}, limit {}{}", rule.shown, latencyWords(value), samples.count(),
                               rule.unit, words, stalled)};
}

std::string stallWords(std::uint64_t stalls, std::uint64_t limitNs, std::uint64_t maxNs) {
  if (stalls == 0) return {};
  return fmt::format(", {} over {}, the slowest {}", stalls, latencyWords(limitNs), latencyWords(maxNs));
}

}  // namespace

Judged judgeDisk(const DiskSeen& seen, const DiskLimits& limits, double margin) {
  if (!limits.sqlite)
    return judgeBy(seen.service, {99, "p99", limits.p99Ns, "writes"},
                   stallWords(seen.stalls, kStallNs, seen.service.max()), margin);
  const auto& checkpoints = seen.checkpoints;
  const std::uint64_t over = checkpoints.above(limits.checkpointNs);
  Judged judged = judgeBy(checkpoints, {90, "p90", limits.checkpointNs, "checkpoints"},
                          stallWords(over, limits.checkpointNs, checkpoints.max()), margin);
  judged.reason = "SQLite flushes at checkpoints only: " + judged.reason;
  return judged;
}

Verdict judgeDisk(DiskResult& result, const DiskLimits& limits) {
  if (result.inMemory) {
    result.judged = {Verdict::unknown, "the directory lies in memory, there is no disk to measure"};
    return Verdict::unknown;
  }
  result.judged = judgeDisk(DiskSeen{result.service, result.checkpoints, result.stalls}, limits);
  if (result.stopped) result.judged.reason += ", ended early";
  return result.judged.verdict;
}

}  // namespace bedplate::bench
