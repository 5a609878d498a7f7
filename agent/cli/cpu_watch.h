// The CPUs watched for a while: bursts on one after the other, and what /proc/stat says meanwhile. Private to
// agent/cli. Thread-safety: used from one thread.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "agent/cli/context.h"
#include "tuning/bench/bench.h"

namespace bedplate::cli {

class CpuWatch {
 public:
  // `limit` of the verdict.
  CpuWatch(Context& context, double limit) : context_(context), limit_(limit) {}

  // Until `windowNs` have passed or Ctrl-C; `tick` each second, with what has passed. Half of one CPU's time at most.
  host::Status run(std::int64_t windowNs, const std::function<void(std::int64_t passedNs)>& tick);
  // What is known so far.
  [[nodiscard]] bench::CpuResult result() const;
  [[nodiscard]] const std::vector<int>& cpus() const { return cpus_; }

 private:
  void burst();
  host::Status read();

  Context& context_;
  double limit_;
  bool reported_ = false;
  std::string whyNot_;        // steal is not reported
  std::string whyUnwatched_;  // bursts cannot be made
  std::optional<bench::StealSample> first_;
  std::deque<bench::StealSample> readings_;
  std::vector<int> cpus_;  // that may be watched
  std::size_t next_ = 0;
  std::vector<bench::Burst> all_;
  std::vector<std::vector<bench::Burst>> byCpu_;
};

}  // namespace bedplate::cli
