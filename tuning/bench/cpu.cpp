#include "tuning/bench/cpu.h"

#include <fmt/format.h>

#include <cstdlib>

#include "tuning/bench/words.h"

namespace bedplate::bench {
namespace {

constexpr std::uint64_t kEnoughGaps = 10;

constexpr double kRise = 0.8;

// The verdict on a share; one that was worse holds until the share is well below its threshold.
Verdict ofShare(double share, double limit, Verdict before) {
  if (share > limit || (before == Verdict::unfit && share > limit * kRise)) return Verdict::unfit;
  const double half = limit / 2;
  const bool wasDown = before == Verdict::unfit || before == Verdict::marginal;
  return share > half || (wasDown && share > half * kRise) ? Verdict::marginal : Verdict::fit;
}

Verdict ofHidden(const Noise& hidden, double limit, Verdict before) {
  if (!hidden.ratio) return Verdict::unknown;
  return hidden.gaps < kEnoughGaps ? Verdict::fit : ofShare(*hidden.ratio, limit, before);
}

// fit, marginal, unfit in this order; unknown below all of them.
int rank(Verdict verdict) { return verdict == Verdict::unknown ? -1 : static_cast<int>(verdict); }

std::string hiddenWords(const Noise& hidden) {
  if (!hidden.ratio) return "hidden steal unknown: " + hidden.why;
  return fmt::format("{} hidden (longest gap {})", shareWords(*hidden.ratio),
                     latencyWords(static_cast<std::uint64_t>(hidden.longestNs)));
}

}  // namespace

StealWindows windowsOf(const std::deque<StealSample>& readings) {
  StealWindows windows;
  for (std::size_t i = 0; i < StealWindows::kCount; ++i) {
    const std::int64_t window = StealWindows::kNs[i];
    const StealSample* best = nullptr;
    std::int64_t off = window / 4 + 1;
    for (const auto& reading : readings) {
      const std::int64_t away = std::abs(readings.back().monotonicNs - reading.monotonicNs - window);
      if (away >= off) continue;
      off = away;
      best = &reading;
    }
    if (best != nullptr) windows.shares[i] = stealBetween(*best, readings.back());
  }
  return windows;
}

Verdict judgeCpu(CpuResult& result, double limit, Verdict before) {
  const Verdict visible = result.visible.ratio ? ofShare(*result.visible.ratio, limit, before) : result.visible.verdict;
  const Verdict hidden = ofHidden(result.hidden, limit, before);
  result.verdict = rank(hidden) > rank(visible) ? hidden : visible;
  if (result.visible.ratio)
    result.reason = fmt::format("{} of CPU time stolen over {}", shareWords(*result.visible.ratio),
                                spanWords(result.visible.windowNs / 1000));
  else
    result.reason = "reported steal " + result.visible.reason;
  result.reason += ", " + hiddenWords(result.hidden);
  if (result.verdict != Verdict::unknown) result.reason += ", limit " + shareWords(limit);
  return result.verdict;
}

}  // namespace bedplate::bench
