// What the parts of `bedplate bench` share. Private to agent/cli.
// Thread-safety: used from one thread.
#pragma once

#include <atomic>
#include <csignal>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cli/context.h"
#include "agent/report/json.h"
#include "tuning/bench/bench.h"

namespace bedplate::cli {

// The command line of `bedplate bench`.
struct BenchAsked {
  std::string what;
  std::string path;    // disk: where, as given
  std::string window;  // --for; empty: each has its own
  double rate = 50;    // disk: writes a second
  bool paced = false, force = false;
  bool brief = false;  // nothing is printed: for `all`
};

// Ctrl-C ends a measurement early, with what it has: while one of these lives, flag() is set by SIGINT.
class StopOnInterrupt {
 public:
  StopOnInterrupt();
  StopOnInterrupt(const StopOnInterrupt&) = delete;
  StopOnInterrupt& operator=(const StopOnInterrupt&) = delete;
  ~StopOnInterrupt();
  static const std::atomic<bool>& flag();

 private:
  struct sigaction before_{};
};

// A bar on a terminal, nothing elsewhere. Goes to stderr: stdout is for results.
class Bar {
 public:
  Bar(Context& context, std::string label) : context_(context), label_(std::move(label)) {}
  Bar(const Bar&) = delete;
  Bar& operator=(const Bar&) = delete;
  ~Bar();
  void operator()(double share);

 private:
  Context& context_;
  std::string label_;
  int shown_ = -1;
};

void benchRow(Context& context, std::string_view label, const std::string& text);
void verdictRow(Context& context, bench::Verdict verdict, const std::string& reason,
                std::string_view label = "verdict");

// Each measures, prints what it found unless JSON is asked for, and adds it to `json`.
host::Result<bench::Verdict> benchDisk(Context& context, const BenchAsked& asked, report::Json& json);
host::Result<bench::Verdict> benchSteal(Context& context, const BenchAsked& asked, report::Json& json);
host::Result<std::vector<bench::Verdict>> benchAll(Context& context, const BenchAsked& asked, report::Json& json);

// Where the disk is measured, below the root: as asked for, or where K3s's datastore lies or will.
std::string benchDirectory(Context& context, const BenchAsked& asked);
// How long to look at the CPUs: as asked for, or `withoutNs`. "Invalid": no duration of a second to an hour.
host::Result<std::int64_t> cpuWindowNs(const BenchAsked& asked, std::int64_t withoutNs);
// The CPUs for so long, or until Ctrl-C; `tick` each second.
class CpuWatch;
host::Result<bench::CpuResult> measureCpu(Context& context, std::int64_t windowNs,
                                          const std::function<void(const CpuWatch&, std::int64_t passedNs)>& tick);
void stealRows(Context& context, const bench::CpuResult& result);

}  // namespace bedplate::cli
