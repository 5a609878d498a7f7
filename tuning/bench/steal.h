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
  std::vector<CpuTimes> cpus;
};
struct StealResult {
  std::optional<double> ratio;  // of all CPU time; unset: the hypervisor does not report it
  std::vector<double> perCpu;
  std::int64_t windowNs = 0;
  Verdict verdict = Verdict::unknown;
  std::string reason;
};

host::Result<StealSample> readSteal(host::Files& files, std::int64_t monotonicNs);
// Whether this machine's hypervisor reports steal at all, and why not. Bare metal has none to report: "no hypervisor".
bool stealReported(host::Files& files, std::string& why);
StealResult compareSteal(const StealSample& before, const StealSample& after, bool reported, const std::string& why,
                         double limit);

}  // namespace bedplate::bench
