// Whose gap it was. Private to tuning/bench; pure, so that every series of gaps can be a test.
// Thread-safety: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tuning/bench/osnoise.h"

namespace bedplate::bench {

// /proc/thread-self/schedstat.
struct SchedStat {
  std::uint64_t ranNs = 0, waitedNs = 0, timeslices = 0;
};
// nullopt for what is no such line, and for three zeros: a kernel that does not count.
std::optional<SchedStat> parseSchedStat(std::string_view text);

// Adds a gap to a burst. `before` was read after the gap before this one, `after` right after it.
void attribute(Burst& burst, std::int64_t lengthNs, const SchedStat& before, const SchedStat& after);

// How long a cgroup was throttled, from its cpu.stat (v2: throttled_usec; v1: throttled_time); 0 when it has no quota.
std::int64_t parseThrottledNs(std::string_view text);
// The cpu.stat of the thread's cgroup and of each above it, from /proc/self/cgroup, below the root; at most 32.
std::vector<std::string> throttlePaths(std::string_view cgroups);

}  // namespace bedplate::bench
