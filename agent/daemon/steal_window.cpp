#include "agent/daemon/steal_window.h"

namespace bedplate::daemon {

std::optional<std::string> StealWindow::sample(host::Files& files, host::Clock& clock) {
  auto taken = bench::readSteal(files, clock.monotonicNs());
  if (!taken) return std::nullopt;
  samples_.push_back(std::move(*taken));
  if (samples_.size() > kSamples) samples_.pop_front();
  if (samples_.size() < 2) return std::nullopt;
  std::string why;
  const bool reported = bench::stealReported(files, why);
  bench::CpuResult result;
  result.visible = bench::compareSteal(samples_.front(), samples_.back(), reported, why, kLimit);
  bench::judgeCpu(result, kLimit);
  return bench::toJson(result, clock.wallUs());
}

}  // namespace bedplate::daemon
