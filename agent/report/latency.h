// The sync latency (agent/apply/commit_times.h) as JSON and as words.
// Thread-safety: free functions.
#pragma once

#include <optional>
#include <string>

#include "agent/apply/commit_times.h"
#include "agent/report/json.h"

namespace bedplate::report {

// {"commit", "subject", "generation": n|null, "seen", "waited", "seconds": {"fetched", "applied", "confirmed",
// "accepted"}}: seconds after it was seen, null for what it did not come to.
Json commitTimesJson(const apply::CommitTimes& times);
// Back; both throw WrongType as json_read.h, also for a time that no clock can say.
apply::CommitTimes readCommitTimes(const Json& json);
// {"commits", "p50", "p90", "max"} in seconds; null for none.
Json latencyJson(const std::optional<apply::LatencySummary>& summary);
apply::LatencySummary readLatency(const Json& json);

// "12ms", "1.50s", "4m".
std::string latencyWords(double seconds);
// "1.50s: seen 14:02:11, fetched +0.80s, applied +1.50s, confirmed +1.50s".
std::string latencyLine(const apply::CommitTimes& times, std::int64_t utcOffsetSeconds);
// "p50 1.1s, p90 2.2s, max 41s over 12 commits".
std::string latencyLine(const apply::LatencySummary& summary);

}  // namespace bedplate::report
