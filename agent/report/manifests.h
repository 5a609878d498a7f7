// How the manifests stand: what is placed for K3s, held against what K3s says it has made of it.
// Thread-safety: plain values and free functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/plan/succession.h"
#include "tuning/host/files.h"

namespace bedplate::report {

// The states, in the order in which they matter to an operator.
inline constexpr const char* kManifestStates[] = {
    "failing",   // K3s refuses it, for a reason
    "held",      // as before: what Git says would remove too much
    "waiting",   // for a kind that the API does not know yet
    "skipped",   // by a .skip file: K3s passes it over
    "parked",    // kept from K3s until Git was heard in this boot
    "moving",    // its objects go to another manifest
    "deleting",  // emptied; K3s removes its objects
    "written",   // in its place; K3s has not said yet what it makes of it
    "accepted",  // K3s has applied just this content
};

struct ManifestState {
  std::string file;  // within the cluster directory
  std::string path;  // on the host, below the root
  std::string state;
  std::string reason, message;  // of K3s's event, or in our own words
  bool operator==(const ManifestState&) const = default;
};

// Of a target in force, by path. `deployed` null: K3s was not asked yet.
std::vector<ManifestState> manifestStates(host::Files& files, const plan::Target& target,
                                          const plan::Deployed* deployed, bool parked);

// What fits into the status.
struct Deployment {
  static constexpr std::size_t kMostOpen = 100;
  std::map<std::string, std::int64_t> counts;  // state -> how many
  std::vector<ManifestState> open;             // all but accepted and written ones, as they matter; the first kMostOpen
  std::string problem;                         // why K3s could not be asked; "" when it answered
  std::int64_t askedUs = 0;                    // when what is said here was so
  std::vector<std::string> orphans;            // Addons below our directory whose file is gone, by no doing of ours
  [[nodiscard]] std::int64_t count(const char* state) const;
  bool operator==(const Deployment&) const = default;
};
Deployment summarise(const std::vector<ManifestState>& states, const plan::Target& target,
                     const plan::Deployed* deployed);

// Every one of them, for a file beside the status (docs/status.md), and back: "Corrupt".
std::string toJson(const std::vector<ManifestState>& states);
host::Result<std::vector<ManifestState>> manifestsFromJson(const std::string& text);
// Where that file is, beside a status file.
std::string manifestsFile(const std::string& statusFile);

}  // namespace bedplate::report
