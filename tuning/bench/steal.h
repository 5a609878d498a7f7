// CPU steal that the hypervisor reports. Part of the contract of tuning/bench (bench.h).
// Thread-safety: free functions and plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tuning/bench/verdict.h"
#include "tuning/host/files.h"

namespace bedplate::bench {

// The eight fields of a cpu line of /proc/stat, in clock ticks.
struct CpuTimes {
  std::uint64_t user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
};
struct StealSample {
  std::int64_t monotonicNs = 0;
  CpuTimes total;
  std::vector<std::optional<CpuTimes>> cpus;  // by the CPU's number; unset: offline
};

// What passed between two readings. A CPU that was not there in both, or whose counters jumped or ran backwards (they
// do after a live migration), has no share and is in no sum: never 0 instead of not known.
struct StealShare {
  std::optional<double> ratio;  // of the time of all CPUs that count
  std::vector<std::optional<double>> perCpu;
  double stolenTicks = 0, allTicks = 0;  // of those CPUs
  std::int64_t windowNs = 0;
  std::string why;  // there is no ratio
};

struct StealResult {
  std::optional<double> ratio;                // of all CPU time; unset: the hypervisor does not report it
  std::vector<std::optional<double>> perCpu;  // of the window
  std::int64_t windowNs = 0;
  Verdict verdict = Verdict::unknown;
  std::string reason;
};

host::Result<StealSample> readSteal(host::Files& files, std::int64_t monotonicNs);
// Whether this machine's hypervisor reports steal at all, and why not. Bare metal has none to report: "no hypervisor".
bool stealReported(host::Files& files, std::string& why);
StealShare stealBetween(const StealSample& before, const StealSample& after);
// The verdict on a share; what is not reported has none.
StealResult judgeSteal(const StealShare& share, bool reported, const std::string& why, double limit);
StealResult compareSteal(const StealSample& before, const StealSample& after, bool reported, const std::string& why,
                         double limit);

}  // namespace bedplate::bench
