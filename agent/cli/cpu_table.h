// The CPUs one a line, drawn anew while they are watched. Private to agent/cli.
// Thread-safety: used from one thread.
#pragma once

#include <string>
#include <vector>

#include "agent/cli/context.h"
#include "tuning/bench/bench.h"

namespace bedplate::cli {

// A heading and a line for each CPU; at most `most` of them, those with the most hidden and reported steal, in the
// order of their numbers, and a line that says how many are left out.
std::vector<std::string> cpuTable(const bench::CpuResult& result, std::size_t most);

// On a terminal the table is redrawn in place on stderr and gone at the end; elsewhere one line each five seconds goes
// to stdout; nothing when JSON is asked for.
class LiveCpus {
 public:
  explicit LiveCpus(Context& context) : context_(context) {}
  LiveCpus(const LiveCpus&) = delete;
  LiveCpus& operator=(const LiveCpus&) = delete;
  ~LiveCpus();
  void show(const bench::CpuResult& result, std::int64_t passedNs, std::int64_t windowNs);

 private:
  Context& context_;
  std::size_t drawn_ = 0;  // lines on the screen
  std::int64_t toldNs_ = 0;
};

}  // namespace bedplate::cli
