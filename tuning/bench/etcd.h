// What etcd itself says of its disk: the durations it measures of every fsync of its log and every commit of its
// database. Reading them costs the disk nothing. Part of the contract of tuning/bench (bench.h).
//
// The metrics: etcd's documentation, https://etcd.io/docs/v3.6/metrics/ (Disk). The limits of a healthy disk: its FAQ,
// https://etcd.io/docs/v3.6/faq/ (p99 of wal_fsync under 10 ms, of backend_commit under 25 ms).
// Thread-safety: plain values, free functions; an EtcdHistory is used from one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "tuning/bench/exposition.h"
#include "tuning/bench/verdict.h"

namespace bedplate::bench {

// Its counters at one moment, since it was started.
struct EtcdReading {
  std::int64_t monotonicNs = 0;
  double startSeconds = 0;  // when it was started, by its own clock; 0: it does not say
  Latencies walFsync, backendCommit;
  std::optional<bool> hasLeader;
  std::optional<std::uint64_t> leaderChanges, heartbeatFailures;  // an overloaded disk makes it send them late
};
// `text` from its /metrics. "NotFound" when it has not these histograms, "Malformed".
host::Result<EtcdReading> parseEtcd(std::string_view text, std::int64_t monotonicNs);

// What happened between two readings.
struct EtcdWindow {
  std::int64_t windowNs = 0;
  Latencies walFsync, backendCommit;
  std::uint64_t leaderChanges = 0, heartbeatFailures = 0;
};
// nullopt when etcd was started anew in between.
std::optional<EtcdWindow> between(const EtcdReading& before, const EtcdReading& after);

// The readings of the last day, of one life of etcd: every one of the last half hour, before that one in 30 minutes.
class EtcdHistory {
 public:
  static constexpr std::int64_t kShortNs = 300'000'000'000;
  static constexpr std::int64_t kMiddleNs = 1'800'000'000'000;
  static constexpr std::int64_t kDayNs = 86'400'000'000'000;

  // Forgets all that was before when etcd was started anew.
  void add(EtcdReading reading);
  // From the oldest reading that is not older than `spanNs` to the newest; nullopt when those are one.
  [[nodiscard]] std::optional<EtcdWindow> last(std::int64_t spanNs) const;
  [[nodiscard]] const EtcdReading* newest() const { return readings_.empty() ? nullptr : &readings_.back(); }
  [[nodiscard]] std::size_t size() const { return readings_.size(); }
  void clear() { readings_.clear(); }

 private:
  std::deque<EtcdReading> readings_;
};

struct EtcdLimits {
  std::uint64_t walFsyncNs = 10'000'000;
  std::uint64_t backendCommitNs = 25'000'000;
};
struct EtcdResult {
  std::optional<EtcdWindow> recent, window, day;  // 5 minutes, half an hour, a day, as far as there is
  std::optional<bool> hasLeader;
  Verdict verdict = Verdict::unknown;
  std::string reason;  // the numbers that decided, in words
};
// The verdict is the worse of the half hour's and the day's: trouble shows within half an hour, and a bad evening is
// still told the next morning. Unknown before there are 200 fsyncs.
//   unfit     a p99 is over its limit
//   marginal  the p99 of fsyncs is over half of its limit, or one took over 512 ms: half of K3s's heartbeat interval
//             passes in one
EtcdResult judgeEtcd(const EtcdHistory& history, const EtcdLimits& limits);

// docs/formats.md. The half hour in full; the status has the five minutes and the day beside it, a sample has not.
enum class EtcdWindows { all, halfHour };
std::string toJson(const EtcdResult& result, std::int64_t wallUs, EtcdWindows windows);

}  // namespace bedplate::bench
