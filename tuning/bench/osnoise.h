// Steal that nobody reports: a thread watches the clock on one CPU and looks who was the cause of each gap. Part of the
// contract of tuning/bench (bench.h).
//
// A gap in which the kernel of this machine ran another task (the thread's own count of time slices grew), also because
// a quota of the thread's cgroup was used up, is the machine's own. Any other gap came from beneath: the hypervisor,
// the firmware, or an interrupt of this machine. What /proc/stat counts as steal and as interrupts meanwhile is taken
// off.
//
// The thread's CPU time is not looked at: it holds the stolen time on kernels without CONFIG_PARAVIRT_TIME_ACCOUNTING
// (Debian) and does not on those with it, and neither can be seen from here.
//
// Thread-safety: free functions and plain values; a burst pins the thread that calls it to one CPU and frees it again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tuning/host/files.h"

namespace bedplate::bench {

struct BurstOptions {
  std::int64_t watchNs = 16'000'000;  // with gaps and all
  std::int64_t chunksNs = 4'000'000;  // of fixed work, after it; 0: none
  std::int64_t gapNs = 50'000;        // shorter ones are the machine's own timer
};

// What one burst saw on one CPU. Nanoseconds.
struct Burst {
  int cpu = 0;
  std::int64_t watchedNs = 0;    // in which the clock was looked at, gaps included
  std::int64_t preemptedNs = 0;  // of it in gaps of the machine's own
  std::int64_t throttledNs = 0;  // of these, by the quota of the thread's own cgroup
  std::int64_t beneathNs = 0;    // of it in the other gaps
  std::int64_t longestNs = 0;    // of the other gaps
  std::uint32_t preemptions = 0, gaps = 0;
  std::int64_t stealNs = 0, interruptNs = 0;   // what /proc/stat counted on this CPU meanwhile, in ticks of 10 ms
  std::int64_t clockNs = 0;                    // what one look at the clock took
  std::int64_t chunkP5Ns = 0, chunkP50Ns = 0;  // of fixed work; 0: too few chunks
};

// Bursts together, of one CPU or of all.
struct Noise {
  std::optional<double> ratio;          // of the time that was the thread's: gone beneath and not reported
  std::string why = "not watched yet";  // there is no ratio
  std::int64_t ownNs = 0;               // watched and not preempted: what `ratio` is of
  std::int64_t preemptedNs = 0, throttledNs = 0, beneathNs = 0, stealNs = 0, interruptNs = 0, longestNs = 0;
  std::uint64_t gaps = 0;  // from beneath
  std::uint64_t bursts = 0;
  std::optional<double> slower;  // by how much the middle piece of fixed work took longer than the best 5 %
  std::int64_t clockNs = 0;      // what one look at the clock took, in the middle
};

// Below this much watched time there is no ratio: one gap would decide.
inline constexpr std::int64_t kEnoughNoiseNs = 500'000'000;

// The CPUs that this thread may run on.
std::vector<int> watchableCpus();
// "Unknown" where the kernel does not say who was the cause of a gap, or where `files` are no running machine's;
// "Denied" or "Invalid" when the thread may not run on this CPU.
host::Result<Burst> watchCpu(host::HostFiles& files, int cpu, const BurstOptions& options = {});
Noise noiseOf(const std::vector<Burst>& bursts);

}  // namespace bedplate::bench
