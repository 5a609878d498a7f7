// The proof that a worker's list of commits is what lies between two of them.
#pragma once

#include <vector>

#include "agent/source/source.h"

namespace bedplate::source {

// `commits` (each hashed already) as source::Session::range promises them: parents first, each reached from head, base
// not among them, and every parent outside is base or an ancestor of it, which is looked up in `objects` back from
// base. "NotDescendant" when base is not reached, "ObjectRefused" for any other hole, "TooManyCommits" when the
// ancestors of base are more than limits.newCommits.
host::Status checkRange(Objects& objects, const ObjectId& base, const ObjectId& head,
                        const std::vector<Commit>& commits, const Limits& limits);

}  // namespace bedplate::source
