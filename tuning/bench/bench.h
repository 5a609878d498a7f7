// Measuring the machine: disk latency as etcd feels it, and CPU steal. A measurement never judges beyond its samples:
// too few give `unknown`.
// Thread-safety: free functions; a run takes as long as it is told and is meant for a thread of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tuning/host/files.h"

namespace bedplate::bench {

enum class Verdict { fit, marginal, unfit, unknown };
const char* name(Verdict verdict);

// Latencies in nanoseconds, with the bucket arithmetic of fio (stat.h: 29 groups of 64, error under 1/128), so that
// percentiles of the same samples are equal to fio's.
class Histogram {
 public:
  void add(std::uint64_t ns);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }
  // The middle of the first bucket at which the share of samples reaches `percent` (0 < percent <= 100); 0 when empty.
  [[nodiscard]] std::uint64_t percentile(double percent) const;
  [[nodiscard]] const std::vector<std::uint32_t>& buckets() const { return buckets_; }
  static std::size_t indexOf(std::uint64_t ns);
  static std::uint64_t valueOf(std::size_t index);

 private:
  std::vector<std::uint32_t> buckets_ = std::vector<std::uint32_t>(29 * 64);
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

struct DiskOptions {
  std::string directory;  // below the root; on the file system to measure
  double perSecond = 50;  // paced from a schedule; 0 runs in a closed loop
  std::uint64_t operations = 500;
  std::uint64_t writeBytes = 2300;        // etcd's (facts: 2.8 kB a record under load; fio's recipe 2300)
  std::uint64_t stopAfterNs = 0;          // end at the first sync slower than this; 0: never
  std::uint64_t p99LimitNs = 10'000'000;  // etcd's documentation: WAL fsync p99 under 10 ms
};

struct DiskResult {
  std::uint64_t operations = 0;
  std::uint64_t p50Ns = 0, p90Ns = 0, p99Ns = 0, p999Ns = 0, maxNs = 0;  // the fdatasync alone
  std::uint64_t responseP99Ns = 0, responseMaxNs = 0;                    // from the schedule
  std::uint64_t durationNs = 0;
  std::uint64_t stalls = 0;  // syncs over 500 ms
  bool stopped = false;      // ended early at a stall or on request
  Verdict verdict = Verdict::unknown;
  std::string reason;  // the numbers that decided, in words
};

using Progress = std::function<void(double share)>;

// Writes an unlinked temporary file in `directory`; nothing stays. `cancel`, where given, ends it early.
host::Result<DiskResult> measureDisk(host::HostFiles& files, const DiskOptions& options, const Progress& progress = {},
                                     const std::atomic<bool>* cancel = nullptr);
Verdict judgeDisk(DiskResult& result, const DiskOptions& options);

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

std::string toJson(const DiskResult& result, std::int64_t wallUs);
std::string toJson(const StealResult& result, std::int64_t wallUs);
// One line for the status screen from the JSON ("fit, p99 2.1 ms over 500 writes, 12 min ago"); "" when it is not ours.
std::string summary(const std::string& json, std::int64_t nowUs);

}  // namespace bedplate::bench
