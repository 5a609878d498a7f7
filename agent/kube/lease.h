// The one Lease of the fleet brake: only its holder, of all servers of a cluster, may restart K3s.
//
// It is freed by its holder, or by health: after kLeaseSeconds without a renewal it may be taken over only while the
// holder's Node is Ready and has said how its restart went, or while there is no such Node. A holder that is down, or
// that went down with what it tried, keeps it: nobody follows.
// Every write carries the version that was read, so of two who take it one gets a Conflict.
// Thread-safety: plain values and free functions; a LeaseWatch is used from one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/kube/kube.h"
#include "agent/kube/nodes.h"

namespace bedplate::kube {

inline constexpr const char* kLeaseName = "bedplate-k3s-restart";
// Longer than it takes until the Node of a server that is gone is not Ready any more (50 s), so that within this time
// its health is known.
inline constexpr std::int64_t kLeaseSeconds = 120;

struct Lease {
  std::string holder;            // "": free
  std::string version;           // resourceVersion
  std::int64_t transitions = 0;  // how often the holder changed
  std::int64_t acquiredUs = 0;
  std::optional<Trial> trial;  // the last restart of a server, or the one under way
};

// "Malformed".
host::Result<Lease> parseLease(std::string_view json);

// nullopt where there is none yet.
host::Result<std::optional<Lease>> readLease(Api& api);
// Makes `me` the holder, or renews; `current` as it was read. What is written is given back. "Conflict": another one
// was quicker.
host::Result<Lease> holdLease(Api& api, const std::optional<Lease>& current, const std::string& me, const Trial& trial,
                              std::int64_t nowUs);
// Frees it and leaves the trial for the others to see.
host::Status freeLease(Api& api, const Lease& current, const Trial& trial, std::int64_t nowUs);

// When a lease was last seen to change: by this machine's clock, as two machines' clocks differ.
class LeaseWatch {
 public:
  // To be called with each lease that was read.
  void saw(const Lease& lease, std::int64_t monotonicNs);
  // Nobody renewed it for kLeaseSeconds.
  [[nodiscard]] bool old(std::int64_t monotonicNs) const;

 private:
  std::string version_;
  std::int64_t sinceNs_ = 0;
};

// Why `me` may not take the lease that somebody else holds; "" when he may. `holder`: his Node, null when there is none
// any more.
std::string mayNotTake(const Lease& lease, const std::string& me, bool old, const Node* holder);

}  // namespace bedplate::kube
