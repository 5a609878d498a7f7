#include "agent/daemon/steal_window.h"

#include <algorithm>
#include <utility>

namespace bedplate::daemon {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kReadingsNs = 330 * kSecondNs;  // the longest named window and half a minute
constexpr std::int64_t kBurstsNs = 3600 * kSecondNs;
constexpr std::int64_t kLongestWindowNs = 24 * 3600 * kSecondNs;
// A minute may be a little longer than one.
constexpr std::int64_t kSlackNs = 5 * kSecondNs;

void raise(std::optional<double>& peak, const std::optional<double>& value) {
  if (value) peak = std::max(peak.value_or(0), *value);
}

}  // namespace

void StealWindow::keepReading(bench::StealSample reading) {
  while (!readings_.empty() && reading.monotonicNs - readings_.front().monotonicNs > kReadingsNs) readings_.pop_front();
  readings_.push_back(std::move(reading));
}

void StealWindow::glance(bench::StealSample reading) { keepReading(std::move(reading)); }

void StealWindow::add(const bench::Burst& burst, std::int64_t nowNs) {
  while (!bursts_.empty() && nowNs - bursts_.front().nowNs > kBurstsNs) bursts_.pop_front();
  bursts_.push_back({nowNs, burst});
}

// What passed in the minutes of the window, without those that are not known.
bench::StealShare StealWindow::shareOf(const bench::StealWindows& windows, std::int64_t windowNs) const {
  bench::StealShare share;
  share.why = lastShare_.why;
  const std::int64_t now = readings_.back().monotonicNs;
  for (const Minute& minute : minutes_) {
    if (minute.endNs != now && minute.beginNs < now - windowNs - kSlackNs) continue;
    if (share.windowNs == 0) share.windowNs = now - minute.beginNs;
    share.stolenTicks += minute.stolen;
    share.allTicks += minute.all;
  }
  if (share.allTicks <= 0) return share;
  share.ratio = share.stolenTicks / share.allTicks;
  const auto& longest = windows.shares.back();
  share.perCpu = windowNs >= bench::StealWindows::kNs.back() && longest.ratio ? longest.perCpu : lastShare_.perCpu;
  return share;
}

void StealWindow::hidden(bench::CpuResult& result) const {
  std::vector<bench::Burst> all;
  std::vector<std::vector<bench::Burst>> byCpu;
  for (const auto& seen : bursts_) {
    all.push_back(seen.burst);
    const auto cpu = static_cast<std::size_t>(seen.burst.cpu);
    if (byCpu.size() <= cpu) byCpu.resize(cpu + 1);
    byCpu[cpu].push_back(seen.burst);
  }
  result.hidden = bench::noiseOf(all);
  if (all.empty() && !whyUnwatched_.empty()) result.hidden.why = whyUnwatched_;
  for (const auto& bursts : byCpu) result.perCpu.push_back(bench::noiseOf(bursts));
}

std::optional<bench::CpuResult> StealWindow::sample(bench::StealSample reading, bool reported, const std::string& why,
                                                    std::int64_t windowNs, double limit) {
  const std::optional<bench::StealSample> before = std::exchange(last_, reading);
  keepReading(std::move(reading));
  if (!before) return std::nullopt;
  const std::int64_t now = last_->monotonicNs;
  lastShare_ = bench::stealBetween(*before, *last_);
  if (lastShare_.ratio) minutes_.push_back({before->monotonicNs, now, lastShare_.stolenTicks, lastShare_.allTicks});
  while (!minutes_.empty() && minutes_.front().beginNs < now - std::min(windowNs, kLongestWindowNs) - 2 * kSlackNs &&
         minutes_.size() > 1)
    minutes_.pop_front();

  bench::CpuResult result;
  if (reported) result.windows = bench::windowsOf(readings_);
  result.visible = bench::judgeSteal(shareOf(result.windows, windowNs), reported, why, limit);
  hidden(result);
  before_ = bench::judgeCpu(result, limit, before_);
  if (reported) raise(peak_.minute, lastShare_.ratio);
  raise(peak_.hidden, result.hidden.ratio);
  peak_.longestNs = std::max(peak_.longestNs, result.hidden.longestNs);
  result.peak = peak_;
  return result;
}

}  // namespace bedplate::daemon
