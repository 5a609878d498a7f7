// A restart of K3s onto a changed configuration, as it stands in the state: what a crash at any moment goes on from.
//
//   (idle) --go, or a boot--> restarting --all checks pass--> (idle, confirmed)
//                     |
//                     +--deadline, or a power cut--> goingBack --files put back, K3s up--> (idle, rolled-back)
//                                                        |
//                                                        +--deadline--> (idle, failed): hands off
//
// Each arrow is one write of the state, made before what follows it.
// Thread-safety: plain values and free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/plan/plan.h"
#include "tuning/host/files.h"

namespace bedplate::apply {

struct K3sTrial {
  enum class Phase { idle, restarting, goingBack };
  Phase phase = Phase::idle;
  std::string outcome;          // of the last one, when idle: "", "confirmed", "rolled-back", "failed"
  std::int64_t generation = 0;  // whose configuration is tried
  std::string commit, tree, part;
  std::string bootId;        // in which this phase began
  std::int64_t beganUs = 0;  // wall clock, of this phase
  std::int64_t beganNs = 0;  // CLOCK_MONOTONIC: what was started before has not read the files of this phase
  std::int64_t timeoutMs = 0;
  std::vector<std::string> checks;  // that passed before, and must again
  bool restarts = false;  // of goingBack: K3s may have read the bad files, and is to be restarted on the old ones
  std::string why;        // it was not confirmed
  std::string line;       // of K3s's log, that matters
  bool told = false;      // idle: the cluster knows
  bool byBoot = false;    // restarting: the machine did it, by a boot onto files that nobody had confirmed
  bool operator==(const K3sTrial&) const = default;
};

const char* name(K3sTrial::Phase phase);  // "idle", "restarting", "going-back"

// One line each, "key value", for the state.
std::string text(const K3sTrial& trial);
// nullopt for what is none.
std::optional<K3sTrial> parseTrialText(std::string_view text);

// What K3s was started with: the configuration that it read, by its start.
struct K3sRunning {
  std::string bootId;
  std::int64_t startedNs = 0;  // CLOCK_MONOTONIC
  std::string effective;       // effectiveK3s() at that time
  bool operator==(const K3sRunning&) const = default;
};
std::string text(const K3sRunning& running);
std::optional<K3sRunning> parseRunning(std::string_view text);

// Digest of K3s's files in a target: places, modes, contents. The same for the same files, whatever the commit; equal
// to that of another node with the same layers. "" when it has none.
std::string k3sPart(const plan::Target& target);

// Digest of what K3s makes of its configuration files on this host, all of them, and of registries.yaml: comments and
// the order of files that do not matter are no change. Keyed (fingerprint.h), with a mark of the key before it:
// "1a2b3c4d:...".
std::string effectiveK3s(host::Files& files);
// Whether two of them were made with one key; else they cannot be compared.
bool ofOneKey(std::string_view one, std::string_view other);

// When the newest of these files was changed, in µs since the epoch; 0: there is none.
std::int64_t k3sFilesChangedUs(host::Files& files);

// What differs between what K3s says it was started with (k3s.io/node-args) and what lies there now, with the words of
// its unit: "debug: unset -> true". Secrets are not seen in either.
// Where a part of its configuration is, or was, in one of `sealed`, no values are: "debug: changed".
std::vector<std::string> startedDifferently(host::Files& files, const std::string& role,
                                            const std::vector<std::string>& nodeArgs,
                                            const std::set<std::string>& sealed);

// A line of K3s's log as it may be shown: not when it quotes a value of a file in one of `sealed`.
std::string withoutSealed(host::Files& files, const std::set<std::string>& sealed, const std::string& line);

}  // namespace bedplate::apply
