// What is to be done about K3s now, and what came of it: between the one that holds the state (K3sCare) and the one
// that talks to systemd and to the API (K3sHands), who live in different threads. Thread-safety: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/apply/k3s_trial.h"
#include "agent/cluster/cluster.h"

namespace bedplate::apply {

struct K3sOrder {
  bool active = false;    // K3s is to be looked at
  bool mayBegin = false;  // a restart may begin: the agent acts, is not suspended, and has read Git
  bool asGit = false;     // K3s's files are those that Git asks for: none is held back
  std::string node, role, bootId;
  K3sTrial trial;
  // Of the generation in force: what K3s is to run with.
  std::int64_t generation = 0;
  std::string commit, tree, part;
  std::int64_t sinceUs = 0;           // when that was first placed
  bool proven = false;                // it is known to run well
  std::optional<K3sRunning> running;  // what K3s was started with, as far as it is known
  cluster::NodeConfig::Restart policy;
  std::set<std::string> sealed = {};  // Store::sealedPaths()
  bool operator==(const K3sOrder&) const = default;
};

struct K3sNews {
  enum class Kind {
    looked,        // nothing was done
    go,            // a restart may begin now, and the lease is held
    confirmed,     // all that passed before passes again
    notConfirmed,  // it does not: go back
    aborted,       // the restart could not be asked for; K3s runs as before
    back,          // K3s is up again on the old configuration
    gaveUp,        // it is not: hands off
    told,          // the cluster knows how it ended
  };
  Kind kind = Kind::looked;
  K3sTrial::Phase phase = K3sTrial::Phase::idle;  // of the order that this answers,
  std::int64_t beganUs = 0;                       // and its trial
  std::string part;                               // and the part in force
  std::optional<K3sRunning> running;
  bool changed = false;             // the files are not what K3s was started with
  bool healthy = false;             // K3s is active, and its Node Ready where it has one
  bool condemned = false;           // it failed elsewhere
  std::vector<std::string> keys;    // what differs: "debug: unset -> true"
  std::string reason, why;          // why no restart begins, or why it was not confirmed
  std::string line;                 // of K3s's log
  std::vector<std::string> checks;  // of go: that passed
  std::int64_t timeoutMs = 0;       // of go: within which it is to be confirmed
  std::string configHash;           // of the own Node (k3s.io/node-config-hash)
  bool operator==(const K3sNews&) const = default;
};

}  // namespace bedplate::apply
