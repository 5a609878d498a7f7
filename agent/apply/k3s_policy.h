// Whether K3s may be restarted now: the fleet brake (design section 10). Pure.
//
// One bad flag must not take the quorum. So of several servers only the holder of a Lease restarts, and only while all
// the others are well; canaries go first, and what failed on one node is followed by none. Agents go by their own Node
// and by time.
// Thread-safety: plain values and free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/apply/time_zone.h"
#include "agent/cluster/cluster.h"
#include "agent/kube/lease.h"
#include "agent/kube/nodes.h"

namespace bedplate::apply {

inline constexpr std::int64_t kConfirmMs = 180'000;   // k3s.confirm.timeout where Git does not say
inline constexpr std::int64_t kSpreadMs = 1'800'000;  // k3s.restart.spread where Git does not say

// What is asked for, and by whom.
struct RestartWish {
  std::string node, role;
  std::string tree, content;  // what would be restarted onto
  std::int64_t sinceUs = 0;   // when it was first seen on the disk, changed and not restarted
  cluster::NodeConfig::Restart policy;
  host::Result<TimeZone> zone;  // of the policy's window
  bool severalServers = false;  // there may be more, which wait for this one and for which it waits
};

// What is known of the cluster. An agent knows its own Node, and those of canaries that it may read.
struct ClusterSeen {
  std::optional<kube::Node> own;      // nullopt: it has none
  std::vector<kube::Node> servers;    // all, with this one; of a server's look only
  std::vector<kube::Node> canaries;   // those of the policy that have a Node and could be read
  std::vector<std::string> noCanary;  // those that have no Node
  std::optional<kube::Lease> lease;
  bool leaseOld = false;  // as kube::LeaseWatch says
};

struct Verdict {
  bool go = false;
  // Else one CamelCase word and the words for people: "Window", "opens at ...".
  std::string reason, why;
  // A change that failed elsewhere: it will not be tried here, and the old files go back.
  bool condemned = false;
  // When to ask again, for what time alone decides; 0: at the usual pace.
  std::int64_t againUs = 0;
};

// For a server, `go` still needs the lease: it is to be taken, and asked again with it in hand.
Verdict mayRestart(const RestartWish& wish, const ClusterSeen& seen, std::int64_t nowUs);

// Milliseconds after `sinceUs` at which this agent has its slot: 0 for a canary; for others after the canaries' time to
// confirm, and then by the hash of name and content within the spread, so that each change has another order.
std::int64_t slotMs(const RestartWish& wish);

// Whether the window is open, and else when it opens next (µs since the epoch).
bool windowOpen(const cluster::NodeConfig::Window& window, const TimeZone& zone, std::int64_t nowUs);
std::int64_t windowOpensUs(const cluster::NodeConfig::Window& window, const TimeZone& zone, std::int64_t nowUs);

// The trial of another node that failed with what `wish` asks for: of the lease, or of a Node that was seen.
std::optional<kube::Trial> failedElsewhere(const RestartWish& wish, const ClusterSeen& seen);

}  // namespace bedplate::apply
