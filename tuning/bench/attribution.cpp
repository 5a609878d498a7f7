#include "tuning/bench/attribution.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "tuning/host/paths.h"

namespace bedplate::bench {
namespace {

constexpr std::size_t kMostGroups = 32;

std::string_view takeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

bool hasWord(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    if (list.substr(0, end) == word) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

}  // namespace

std::optional<SchedStat> parseSchedStat(std::string_view text) {
  std::array<std::uint64_t, 3> values{};
  for (auto& value : values) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty() && text.front() != ' ' && text.front() != '\n') return std::nullopt;
  }
  if (values[0] == 0 && values[1] == 0 && values[2] == 0) return std::nullopt;
  return SchedStat{values[0], values[1], values[2]};
}

void attribute(Burst& burst, std::int64_t lengthNs, const SchedStat& before, const SchedStat& after) {
  // By time slices, not by the wait alone: a thread that was stopped, or taken off by a quota, did not wait in a queue.
  // The whole gap then counts as the machine's own. What the host took meanwhile cannot be told from it.
  if (after.timeslices != before.timeslices || after.waitedNs != before.waitedNs) {
    burst.preemptedNs += lengthNs;
    ++burst.preemptions;
    return;
  }
  burst.beneathNs += lengthNs;
  burst.longestNs = std::max(burst.longestNs, lengthNs);
  ++burst.gaps;
}

std::int64_t parseThrottledNs(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = takeLine(text);
    std::int64_t unit = 0;
    for (const auto& [key, ns] : {std::pair{std::string_view("throttled_usec "), std::int64_t{1000}},
                                  std::pair{std::string_view("throttled_time "), std::int64_t{1}}}) {
      if (!line.starts_with(key)) continue;
      line.remove_prefix(key.size());
      unit = ns;
      break;
    }
    if (unit == 0) continue;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (error != std::errc() || end != line.data() + line.size() || value < 0) return 0;
    return value < INT64_MAX / unit ? value * unit : 0;
  }
  return 0;
}

std::vector<std::string> throttlePaths(std::string_view cgroups) {
  std::string base, group;
  while (!cgroups.empty()) {
    // "4:cpu,cpuacct:/x" of version 1, "0::/x" of version 2, which holds what no version 1 controller does.
    std::string_view line = takeLine(cgroups);
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (controllers.find('/') != std::string_view::npos) continue;  // they name a directory
    const bool one = hasWord(controllers, "cpu");
    if (!one && (!controllers.empty() || !base.empty())) continue;
    base = one ? host::joinPath(host::paths::cgroups, controllers) : std::string(host::paths::cgroups);
    group = line.substr(second + 1);
  }
  std::vector<std::string> paths;
  // Outside of this cgroup namespace, or foreign: nothing that stands below the root.
  if (base.empty() || !group.starts_with('/') || group.find("/..") != std::string::npos) return paths;
  group.erase(0, std::min(group.find_first_not_of('/'), group.size()));
  // The topmost also: inside a container it has a quota.
  for (;; group = host::parentPath(group)) {
    paths.push_back(host::joinPath(host::joinPath(base, group), "cpu.stat"));
    if (group.empty() || paths.size() >= kMostGroups) break;
  }
  return paths;
}

}  // namespace bedplate::bench
