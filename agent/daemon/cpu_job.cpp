#include "agent/daemon/cpu_job.h"

#include "tuning/bench/bench.h"

namespace bedplate::daemon {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kMinuteNs = 60 * kSecondNs;
constexpr std::int64_t kGlanceNs = 5 * kSecondNs;
// What the hypervisor tells changes only when the machine is moved.
constexpr std::int64_t kAskAgainNs = 60 * kMinuteNs;

}  // namespace

std::optional<std::int64_t> CpuJob::dueNs(const Measuring& measuring, std::int64_t nowNs) {
  if (!measuring.active) return std::nullopt;
  if (!sampleNs_) sampleNs_ = nowNs;
  return glanced_ ? *sampleNs_ : *sampleNs_ - kGlanceNs;
}

bool CpuJob::reported(std::int64_t nowNs) {
  if (!askedNs_ || nowNs - *askedNs_ >= kAskAgainNs) {
    reported_ = bench::stealReported(files_, why_);
    askedNs_ = nowNs;
  }
  return reported_;
}

void CpuJob::burst() {
  const auto cpus = bench::watchableCpus();
  if (cpus.empty()) return;
  constexpr bench::BurstOptions kOptions{.watchNs = 26'000'000, .chunksNs = 4'000'000};
  const auto seen = bench::watchCpu(files_, cpus[next_++ % cpus.size()], kOptions);
  if (seen)
    window_.add(*seen, clock_.monotonicNs());
  else
    window_.unwatched(seen.error().why);
}

std::optional<Measured> CpuJob::run(const Measuring& measuring, const std::atomic<bool>& /*cancel*/) {
  const std::int64_t now = clock_.monotonicNs();
  auto reading = bench::readSteal(files_, now);
  if (!glanced_) {
    glanced_ = true;
    if (reading) window_.glance(std::move(*reading));
    return std::nullopt;
  }
  glanced_ = false;
  sampleNs_ = std::max(sampleNs_.value_or(now) + kMinuteNs, now + kMinuteNs / 2);
  if (!keptNs_) keptNs_ = now;
  std::optional<bench::CpuResult> result;
  if (reading) {
    const bool told = reading->total.steal > 0 || reported(now);
    result = window_.sample(std::move(*reading), told, why_, measuring.stealWindowMs * 1'000'000, measuring.stealLimit);
  }
  // After the reading: it is not to be seen in it.
  burst();
  if (!result) return std::nullopt;
  result->pressure = bench::readPressures(files_);
  const bool keep = now - *keptNs_ >= kKeepNs;
  if (keep) {
    keptNs_ = now;
    window_.kept();
  }
  return Measured{.probe = "steal", .json = bench::toJson(*result, clock_.wallUs()), .keep = keep};
}

}  // namespace bedplate::daemon
