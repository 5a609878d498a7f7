// `bedplate rollback`: back to an earlier generation, held until Git says something else.
// Thread-safety: as Keeper and Store.
#pragma once

#include <cstdint>

#include "agent/apply/apply.h"
#include "agent/apply/manifests.h"

namespace bedplate::apply {

// Applies generation `number` again as a new one (cause "rollback"); 0 is the newest applied one before the current
// whose host was another. Holds the tree of the newest generation that came from a commit, so that the same commit is
// not applied again at once. Manifests that it lacks leave as they do with a commit. "NotFound" when there is no such
// generation or its files are gone.
host::Result<RunResult> rollBack(Machine& machine, Keeper& keeper, Store& store, std::int64_t number,
                                 const ManifestRules& rules, const plan::Deployed& deployed);

}  // namespace bedplate::apply
