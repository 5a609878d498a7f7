#include "agent/cli/cpu_watch.h"

#include <time.h>

#include <algorithm>

#include "agent/cli/bench.h"

namespace bedplate::cli {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
// Readings for the longest window, one a second.
constexpr std::size_t kMostReadings = 310;

void sleepNs(std::int64_t ns) {
  const timespec time{ns / kSecondNs, ns % kSecondNs};
  ::nanosleep(&time, nullptr);
}

}  // namespace

host::Status CpuWatch::read() {
  BEDPLATE_TRY_LET(auto sample, bench::readSteal(context_.files(), context_.clock().monotonicNs()));
  if (!first_) first_ = sample;
  readings_.push_back(std::move(sample));
  if (readings_.size() > kMostReadings) readings_.pop_front();
  return {};
}

void CpuWatch::burst() {
  if (cpus_.empty()) return;
  const std::size_t at = next_++ % cpus_.size();
  const auto seen = bench::watchCpu(context_.files(), cpus_[at]);
  if (seen) {
    all_.push_back(*seen);
    const auto cpu = static_cast<std::size_t>(cpus_[at]);
    if (byCpu_.size() <= cpu) byCpu_.resize(cpu + 1);
    byCpu_[cpu].push_back(*seen);
    return;
  }
  whyUnwatched_ = seen.error().why;
  if (seen.error().reason == "Unknown")
    cpus_.clear();
  else
    cpus_.erase(cpus_.begin() + static_cast<std::ptrdiff_t>(at));  // it went, or was taken from us
}

host::Status CpuWatch::run(std::int64_t windowNs, const std::function<void(std::int64_t)>& tick) {
  constexpr std::int64_t kPauseNs = 22'000'000;  // as long as a burst
  reported_ = bench::stealReported(context_.files(), whyNot_);
  cpus_ = bench::watchableCpus();
  const std::int64_t begin = context_.clock().monotonicNs();
  BEDPLATE_TRY(read());
  for (std::int64_t second = 1;;) {
    const std::int64_t passed = context_.clock().monotonicNs() - begin;
    if (passed >= windowNs || StopOnInterrupt::flag()) break;
    if (passed >= second * kSecondNs) {
      BEDPLATE_TRY(read());
      tick(passed);
      second = passed / kSecondNs + 1;
    }
    burst();
    sleepNs(std::min(kPauseNs, std::max<std::int64_t>(windowNs - passed, 1)));
  }
  return read();
}

bench::CpuResult CpuWatch::result() const {
  bench::CpuResult result;
  if (!readings_.empty()) result.visible = bench::compareSteal(*first_, readings_.back(), reported_, whyNot_, limit_);
  if (reported_) result.windows = bench::windowsOf(readings_);
  result.hidden = bench::noiseOf(all_);
  if (all_.empty() && !whyUnwatched_.empty()) result.hidden.why = whyUnwatched_;
  for (const auto& bursts : byCpu_) result.perCpu.push_back(bench::noiseOf(bursts));
  result.pressure = bench::readPressures(context_.files());
  bench::judgeCpu(result, limit_);
  return result;
}

}  // namespace bedplate::cli
