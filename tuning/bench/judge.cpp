// Verdicts on a disk.
//   unknown   fewer than 200 samples: their p99 is a guess about one or two of them
//   unfit     p99 over the limit
//   marginal  p99 over half of the limit, or any sync over 500 ms: half of K3s's heartbeat interval passes in one sync
//   fit       else
#include <fmt/format.h>

#include "tuning/bench/bench.h"
#include "tuning/bench/words.h"

namespace bedplate::bench {
namespace {

constexpr std::uint64_t kEnough = 200;

}  // namespace

const char* name(Verdict verdict) {
  switch (verdict) {
    case Verdict::fit: return "fit";
    case Verdict::marginal: return "marginal";
    case Verdict::unfit: return "unfit";
    case Verdict::unknown: return "unknown";
  }
  return "unknown";
}

Verdict judgeDisk(DiskResult& result, const DiskOptions& options) {
  const std::string stalls =
      result.stalls == 0 ? ""
                         : fmt::format(", {} over 500 ms, the slowest {}", result.stalls, latencyWords(result.maxNs));
  const std::string stopped = result.stopped ? ", ended early" : "";
  if (result.operations < kEnough) {
    result.verdict = Verdict::unknown;
    result.reason =
        fmt::format("{} writes are too few to judge, it takes {}{}{}", result.operations, kEnough, stalls, stopped);
    return result.verdict;
  }
  result.verdict = Verdict::fit;
  if (result.p99Ns > options.p99LimitNs / 2 || result.stalls > 0) result.verdict = Verdict::marginal;
  if (result.p99Ns > options.p99LimitNs) result.verdict = Verdict::unfit;
  result.reason = fmt::format("p99 {} over {} writes, limit {}{}{}", latencyWords(result.p99Ns), result.operations,
                              latencyWords(options.p99LimitNs), stalls, stopped);
  return result.verdict;
}

}  // namespace bedplate::bench
