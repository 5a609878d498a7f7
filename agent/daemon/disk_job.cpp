#include "agent/daemon/disk_job.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/report/datastore.h"
#include "tuning/bench/bench.h"

namespace bedplate::daemon {
namespace {

constexpr double kPerSecond = 10;
constexpr std::uint64_t kCheckpoints = 5;
constexpr std::uint64_t kCheckpointEveryNs = 2'000'000'000;
constexpr std::int64_t kMsNs = 1'000'000;

// FNV-1a: the same on every version of the agent.
std::uint64_t hashOf(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

}  // namespace

std::optional<std::int64_t> DiskJob::dueNs(const Measuring& measuring, std::int64_t nowNs) {
  if (!measuring.active || measuring.passiveDisk) return std::nullopt;
  const std::int64_t everyNs = measuring.diskEveryMs * kMsNs;
  if (!startNs_) {
    startNs_ = nowNs;
    // A restart is no reason to measure again.
    const std::int64_t ageUs = clock_.wallUs() - measuring.diskMeasuredUs;
    if (measuring.diskMeasuredUs > 0 && ageUs >= 0 && ageUs < everyNs / 1000) lastNs_ = nowNs - ageUs * 1000;
  }
  // By the settings of now: at a node's very first start node.yaml is known a moment later only.
  const std::int64_t spread = std::min(kSpreadNs, everyNs);
  const auto part = static_cast<std::int64_t>(hashOf(measuring.node) % static_cast<std::uint64_t>(spread));
  const std::int64_t earliest = std::max(*startNs_ + std::min(kFirstNs, everyNs) + part, retryNs_);
  return lastNs_ ? std::max(earliest, *lastNs_ + everyNs) : earliest;
}

std::optional<Measured> DiskJob::run(const Measuring& measuring, const std::atomic<bool>& cancel) {
  lastNs_ = clock_.monotonicNs();
  auto json = measure(measuring, cancel);
  if (json) return Measured{"disk", *std::move(json)};
  // Sooner than the next round, as what was in the way may be gone soon.
  lastNs_.reset();
  retryNs_ = clock_.monotonicNs() + std::min(kRetryNs, measuring.diskEveryMs * kMsNs);
  return Measured{"disk", bench::toJson(bench::DiskSkip{clock_.wallUs(), json.error().text()}), false};
}

std::string DiskJob::whyNot(const std::string& directory) {
  const auto inMemory = bench::liesInMemory(files_, directory);
  if (inMemory && *inMemory) return files_.shown(directory) + " lies in memory, there is no disk to measure";
  const auto pressures = bench::readPressures(files_);
  const auto& io = pressures.io();
  if (io && io->some && io->some->avg10 > kBusy)
    return fmt::format("the disk is busy: tasks waited for it in {:.0f} % of the last 10 s, over {:.0f} %",
                       io->some->avg10 * 100, kBusy * 100);
  return {};
}

host::Result<std::string> DiskJob::measure(const Measuring& measuring, const std::atomic<bool>& cancel) {
  const auto store = report::datastore(files_);
  if (auto why = whyNot(store.directory); !why.empty()) return host::fail("Skipped", "", why);
  const bool sqlite = store.kind == report::Datastore::Kind::sqlite;
  bench::DiskOptions options;
  options.directory = store.directory;
  options.perSecond = kPerSecond;
  options.operations = std::max<std::uint64_t>(
      static_cast<std::uint64_t>(kPerSecond * static_cast<double>(measuring.diskForMs) / 1000), 1);
  options.stopAfterNs = bench::kStallNs;
  BEDPLATE_TRY_LET(auto result, bench::measureDisk(files_, options, {}, &cancel));
  bench::DiskLimits limits;
  limits.p99Ns = static_cast<std::uint64_t>(measuring.diskP99LimitMs) * kMsNs;
  limits.sqlite = result.sqlite = sqlite;
  if (sqlite && !result.stopped) {
    const bench::CheckpointOptions checkpoints{.directory = store.directory,
                                               .checkpoints = kCheckpoints,
                                               .everyNs = kCheckpointEveryNs,
                                               .stopAfterNs = limits.checkpointNs};
    BEDPLATE_TRY(bench::measureCheckpoints(files_, checkpoints, result, {}, &cancel));
  }
  bench::judgeDisk(result, limits);
  return bench::toJson(result, clock_.wallUs());
}

}  // namespace bedplate::daemon
