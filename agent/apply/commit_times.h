// How long a commit takes from the remote to this node: one row for each commit that was once the head of the branch.
// Thread-safety: plain values and free functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bedplate::apply {

// Wall clock in µs; 0: not yet. Within one run of the agent the differences are those of the monotonic clock, so that a
// clock that is set right does not make a latency.
struct CommitTimes {
  std::string commit = {}, subject = {};
  std::int64_t generation = 0;   // that was made of it; 0: none, it changes nothing on this node or is not in force
  std::int64_t seenUs = 0;       // the remote first said that it is the head
  std::int64_t fetchedUs = 0;    // its objects are here, and verified
  std::int64_t appliedUs = 0;    // the last change was made, and the generation is durable
  std::int64_t confirmedUs = 0;  // nothing of it failed, and the node is still reached
  std::int64_t acceptedUs = 0;   // K3s has applied all manifests just as it says (Addons)
  std::string waited = {};       // why its latency says nothing of this node: "Held", "Suspended"; "" when it does
};

// Seconds from first seen to confirmed; nullopt when it did not come so far, changed nothing here, or waited for
// people.
std::optional<double> syncLatency(const CommitTimes& times);

struct LatencySummary {
  std::size_t commits = 0;
  double p50 = 0, p90 = 0, max = 0;  // seconds; by nearest rank, so that each is a latency that was there
};

// nullopt when none of them has a latency.
std::optional<LatencySummary> summarise(const std::vector<CommitTimes>& commits);

// What a summary is made of: that much of the past, and no more commits.
inline constexpr std::int64_t kLatencyDays = 30;
inline constexpr std::size_t kLatencyCommits = 200;

}  // namespace bedplate::apply
