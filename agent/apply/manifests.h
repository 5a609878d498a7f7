// The manifests of a commit, made to follow those in force on this host (agent/plan/succession.h).
// Thread-safety: as Keeper.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/apply/apply.h"
#include "agent/cluster/cluster.h"
#include "agent/plan/succession.h"

namespace bedplate::apply {

// k3s.manifests of node.yaml, as far as a target does not hold it.
struct ManifestRules {
  std::optional<std::string> writer;
  std::vector<std::string> allowPrune;
};

// "WriterNeeded": a server that may have others beside it has manifests, and Git names nobody to hold them.
host::Status checkWriter(host::Files& files, const plan::Target& wanted, const ManifestRules& rules);

// `wanted` with what is left of the target in force, the steps that K3s has answered, and what was placed by hand.
// On a server that is not the writer: without manifests.
host::Result<plan::Successor> follow(Machine& machine, Keeper& keeper, const plan::Target& wanted,
                                     const ManifestRules& rules, const plan::Deployed& deployed, bool mayPrune);

}  // namespace bedplate::apply
