// The history rule: only forward.
#include "agent/trust/trust.h"

namespace bedplate::trust {

host::Result<std::vector<source::Commit>> newCommits(source::Session& session, const source::ObjectId& head,
                                                     const std::optional<Accepted>& accepted, const Rules& rules,
                                                     const source::Limits& limits) {
  if (accepted && accepted->commit == head) return std::vector<source::Commit>{};
  const source::ObjectId floor = accepted ? accepted->commit : rules.minimumCommit.value_or(source::ObjectId{});
  if (!floor.empty() && floor.size() != head.size())
    return host::fail("NotDescendant", head.hex(), "has an id of another kind than " + floor.hex(),
                      "the repository was converted; look at it, then: bedplate trust accept " + head.hex());
  auto commits = session.range(floor, head, limits);
  if (commits || accepted || commits.error().reason != "NotDescendant") return commits;
  // Without a floor of our own there is nothing to accept over: the configuration says what must be below.
  host::Error error = std::move(commits).error();
  error.why = "does not descend from minimum-commit " + floor.hex();
  error.todo = "check minimum-commit in the [trust] section of bedplate.conf, and who rewrote the branch";
  return host::Failure(std::move(error));
}

}  // namespace bedplate::trust
