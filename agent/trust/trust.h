// Who may move a node: the history rule, and the floor that it keeps.
//
// The accepted commit is the last one that this node went to. It is a file of its own (var/lib/bedplate/accepted), so
// that it outlives the state database. A new head must be it or descend from it.
// Thread-safety: free functions; one writer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/source/source.h"
#include "tuning/host/files.h"

namespace bedplate::trust {

struct Accepted {
  source::ObjectId commit;
  std::string by;  // "agent", or "operator" for `bedplate trust accept`
  std::int64_t wallUs = 0;
};

// nullopt when there is none yet; "Corrupt" when the file is not ours to understand (never taken as "none": that
// would drop the floor; the way out is `bedplate trust accept`).
host::Result<std::optional<Accepted>> readAccepted(host::Files& files);
// Durable when it returns.
host::Status writeAccepted(host::Files& files, const Accepted& accepted);

struct Rules {
  std::optional<source::ObjectId> minimumCommit;  // [trust] minimum-commit
};

// The new commits from the floor to `head`, oldest first (empty when head is the floor; head alone on first contact
// without a minimum). "NotDescendant" when history was rewritten or rolled back: the way out names trust accept.
host::Result<std::vector<source::Commit>> newCommits(source::Session& session, const source::ObjectId& head,
                                                     const std::optional<Accepted>& accepted, const Rules& rules,
                                                     const source::Limits& limits);

}  // namespace bedplate::trust
