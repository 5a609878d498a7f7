#include "tuning/bench/etcd.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tuning/bench/words.h"

namespace bedplate::bench {
namespace {

constexpr std::uint64_t kEnough = 200;
constexpr std::uint64_t kStallNs = 512'000'000;  // an end of one of etcd's buckets
constexpr double kSameStart = 1.5;               // seconds
constexpr std::int64_t kSlackNs = 30'000'000'000;
constexpr double kMostCount = 9e15;

std::optional<std::uint64_t> countOf(std::string_view text, std::string_view name) {
  const auto value = parseValue(text, name);
  if (!value || *value < 0 || *value > kMostCount) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

std::uint64_t grown(const std::optional<std::uint64_t>& before, const std::optional<std::uint64_t>& after) {
  return before && after && *after > *before ? *after - *before : 0;
}

bool over(const Quantile& p99, std::uint64_t limitNs) {
  return p99.ns > limitNs && (p99.is == Quantile::Is::about || p99.is == Quantile::Is::above);
}

std::string words(const Latencies& latencies) {
  const Quantile p99 = quantile(latencies, 0.99);
  switch (p99.is) {
    case Quantile::Is::below:
      return fmt::format("p99 < {}, mean {}", latencyWords(p99.ns), latencyWords(latencies.meanNs()));
    case Quantile::Is::about: return "p99 " + latencyWords(p99.ns);
    case Quantile::Is::above: return "p99 > " + latencyWords(p99.ns);
    case Quantile::Is::unknown: break;
  }
  return "mean " + latencyWords(latencies.meanNs());
}

Judged judge(const EtcdWindow& window, const EtcdLimits& limits) {
  const std::uint64_t fsyncs = window.walFsync.count();
  const std::string span = spanWords(window.windowNs / 1000);
  if (fsyncs < kEnough)
    return {Verdict::unknown,
            fmt::format("etcd synced its log {} times in {}, it takes {} to judge", fsyncs, span, kEnough)};
  const Quantile wal = quantile(window.walFsync, 0.99), commit = quantile(window.backendCommit, 0.99);
  const std::uint64_t stalls = window.walFsync.over(kStallNs);
  // Below its first bucket etcd does not say more than that.
  const bool blind = wal.is == Quantile::Is::below && wal.ns > limits.walFsyncNs;
  Judged judged{Verdict::fit, ""};
  if (blind) judged.verdict = Verdict::unknown;
  if (over(wal, limits.walFsyncNs / 2) || stalls > 0) judged.verdict = Verdict::marginal;
  const bool slowCommits = over(commit, limits.backendCommitNs);
  if (over(wal, limits.walFsyncNs) || slowCommits) judged.verdict = Verdict::unfit;
  judged.reason = fmt::format("etcd's log fsync {} over {} in {}, limit {}", words(window.walFsync), fsyncs, span,
                              latencyWords(limits.walFsyncNs));
  if (slowCommits)
    judged.reason +=
        fmt::format("; its commits {}, limit {}", words(window.backendCommit), latencyWords(limits.backendCommitNs));
  if (stalls > 0) judged.reason += fmt::format("; {} over {}", stalls, latencyWords(kStallNs));
  if (window.leaderChanges > 0)
    judged.reason +=
        fmt::format("; {} {} of leader", window.leaderChanges, window.leaderChanges == 1 ? "change" : "changes");
  if (blind) judged.reason += "; it does not measure as finely as the limit";
  return judged;
}

int badness(Verdict verdict) {
  switch (verdict) {
    case Verdict::unknown: return 0;
    case Verdict::fit: return 1;
    case Verdict::marginal: return 2;
    case Verdict::unfit: return 3;
  }
  return 0;
}

}  // namespace

host::Result<EtcdReading> parseEtcd(std::string_view text, std::int64_t monotonicNs) {
  EtcdReading reading;
  reading.monotonicNs = monotonicNs;
  for (const auto& [name, into] : {std::pair{"etcd_disk_wal_fsync_duration_seconds", &reading.walFsync},
                                   std::pair{"etcd_disk_backend_commit_duration_seconds", &reading.backendCommit}}) {
    BEDPLATE_TRY_LET(auto latencies, parseLatencies(text, name));
    if (!latencies)
      return host::fail("NotFound", name, "is not among what was answered", "what listens there is no etcd");
    *into = std::move(*latencies);
  }
  reading.startSeconds = parseValue(text, "process_start_time_seconds").value_or(0);
  if (const auto leader = parseValue(text, "etcd_server_has_leader")) reading.hasLeader = *leader != 0;
  reading.leaderChanges = countOf(text, "etcd_server_leader_changes_seen_total");
  reading.heartbeatFailures = countOf(text, "etcd_server_heartbeat_send_failures_total");
  return reading;
}

std::optional<EtcdWindow> between(const EtcdReading& before, const EtcdReading& after) {
  if (std::abs(before.startSeconds - after.startSeconds) > kSameStart) return std::nullopt;
  auto wal = since(before.walFsync, after.walFsync);
  auto commit = since(before.backendCommit, after.backendCommit);
  if (!wal || !commit) return std::nullopt;
  return EtcdWindow{after.monotonicNs - before.monotonicNs, std::move(*wal), std::move(*commit),
                    grown(before.leaderChanges, after.leaderChanges),
                    grown(before.heartbeatFailures, after.heartbeatFailures)};
}

void EtcdHistory::add(EtcdReading reading) {
  if (!readings_.empty() && !between(readings_.back(), reading)) readings_.clear();
  const std::int64_t now = reading.monotonicNs;
  readings_.push_back(std::move(reading));
  // Beyond the last half hour a reading goes when the one before it and the one behind it are near enough.
  for (std::size_t i = 1; i + 1 < readings_.size() && readings_[i + 1].monotonicNs <= now - kMiddleNs - kSlackNs;) {
    if (readings_[i + 1].monotonicNs - readings_[i - 1].monotonicNs <= kMiddleNs + kSlackNs)
      readings_.erase(readings_.begin() + static_cast<std::ptrdiff_t>(i));
    else
      ++i;
  }
  while (readings_.front().monotonicNs < now - kDayNs - kSlackNs) readings_.pop_front();
}

std::optional<EtcdWindow> EtcdHistory::last(std::int64_t spanNs) const {
  if (readings_.empty()) return std::nullopt;
  const EtcdReading& after = readings_.back();
  // Readings are a little late now and then.
  const auto before = std::find_if(readings_.begin(), readings_.end(), [&](const EtcdReading& one) {
    return one.monotonicNs >= after.monotonicNs - spanNs - kSlackNs;
  });
  if (&*before == &after) return std::nullopt;
  return between(*before, after);
}

EtcdResult judgeEtcd(const EtcdHistory& history, const EtcdLimits& limits) {
  EtcdResult result;
  result.recent = history.last(EtcdHistory::kShortNs);
  result.window = history.last(EtcdHistory::kMiddleNs);
  result.day = history.last(EtcdHistory::kDayNs);
  if (history.newest() != nullptr) result.hasLeader = history.newest()->hasLeader;
  result.reason = "etcd was read once; it takes a second time, some minutes later";
  for (const auto* window : {&result.window, &result.day}) {
    if (!*window) continue;
    Judged judged = judge(**window, limits);
    if (window == &result.day && badness(judged.verdict) <= badness(result.verdict)) continue;
    result.verdict = judged.verdict;
    result.reason = std::move(judged.reason);
  }
  if (result.hasLeader == false) result.reason += "; it has no leader now";
  return result;
}

}  // namespace bedplate::bench
