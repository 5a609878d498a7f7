#include "agent/apply/commit_times.h"

#include <algorithm>

namespace bedplate::apply {

std::optional<double> syncLatency(const CommitTimes& times) {
  if (times.generation == 0 || !times.waited.empty()) return std::nullopt;
  if (times.seenUs <= 0 || times.confirmedUs < times.seenUs) return std::nullopt;
  return static_cast<double>(times.confirmedUs - times.seenUs) / 1e6;
}

std::optional<LatencySummary> summarise(const std::vector<CommitTimes>& commits) {
  std::vector<double> seconds;
  for (const auto& times : commits)
    if (const auto latency = syncLatency(times)) seconds.push_back(*latency);
  if (seconds.empty()) return std::nullopt;
  std::sort(seconds.begin(), seconds.end());
  // Nearest rank: the smallest one that at least this share does not exceed.
  const auto rank = [&](std::size_t percent) { return seconds[(seconds.size() * percent + 99) / 100 - 1]; };
  return LatencySummary{seconds.size(), rank(50), rank(90), seconds.back()};
}

}  // namespace bedplate::apply
