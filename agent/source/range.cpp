#include "agent/source/range.h"

#include <set>
#include <unordered_map>

namespace bedplate::source {
namespace {

constexpr std::size_t kCommitBytes = 1 << 20;

struct HashId {
  std::size_t operator()(const ObjectId& id) const { return std::hash<std::string_view>{}(id.bytes()); }
};

using Index = std::unordered_map<ObjectId, const Commit*, HashId>;

host::Failure refused(const ObjectId& head, std::string_view why) {
  return host::fail("ObjectRefused", "history of " + head.shortHex(), why,
                    "nothing was changed; the worker or its mirror is not to be trusted: remove the mirror");
}

// Parents first, head last, no commit twice.
host::Result<Index> indexInOrder(const ObjectId& base, const ObjectId& head, const std::vector<Commit>& commits) {
  std::set<ObjectId> seenAsParent;
  Index index;
  for (const auto& commit : commits) {
    if (commit.id == base) return refused(head, "holds its own base");
    if (seenAsParent.contains(commit.id)) return refused(head, "has a commit before its parent");
    if (!index.emplace(commit.id, &commit).second) return refused(head, "has a commit twice");
    for (const auto& parent : commit.parents)
      if (!index.contains(parent)) seenAsParent.insert(parent);
  }
  if (commits.empty() || commits.back().id != head) return refused(head, "does not end in the head");
  return index;
}

// The parents that are not among the commits; all commits must be reached from head.
host::Result<std::set<ObjectId>> edgeOf(const ObjectId& head, const Index& index) {
  std::set<ObjectId> edge;
  std::set<ObjectId> reached{head};
  std::vector<ObjectId> todo{head};
  while (!todo.empty()) {
    const Commit& commit = *index.at(todo.back());
    todo.pop_back();
    for (const auto& parent : commit.parents) {
      if (!index.contains(parent))
        edge.insert(parent);
      else if (reached.insert(parent).second)
        todo.push_back(parent);
    }
  }
  if (reached.size() != index.size()) return refused(head, "has commits that the head does not come from");
  return edge;
}

// Walks back from base, generation by generation, until every id of `wanted` was met.
host::Status findAncestors(Objects& objects, const ObjectId& base, const ObjectId& head, std::set<ObjectId> wanted,
                           const Limits& limits) {
  std::set<ObjectId> seen{base};
  std::vector<ObjectId> generation{base};
  wanted.erase(base);
  while (!wanted.empty()) {
    if (generation.empty())
      return refused(head, "leaves out commits: " + wanted.begin()->hex() + " is not accounted for");
    BEDPLATE_TRY_LET(const auto raw, objects.get(ObjectType::commit, generation, kCommitBytes));
    std::vector<ObjectId> older;
    for (std::size_t i = 0; i < generation.size(); ++i) {
      if (!raw.at(i)) return refused(head, "has a commit over 1 MiB");
      BEDPLATE_TRY_LET(const Commit commit, parseCommit(generation[i], *raw[i]));
      for (const auto& parent : commit.parents) {
        if (!seen.insert(parent).second) continue;
        wanted.erase(parent);
        older.push_back(parent);
      }
    }
    if (seen.size() > limits.newCommits)
      return host::fail("TooManyCommits", "history of " + head.shortHex(),
                        "merges what branched off more than " + std::to_string(limits.newCommits) + " commits ago",
                        "look at it, then: bedplate trust accept " + head.hex());
    generation = std::move(older);
  }
  return {};
}

}  // namespace

host::Status checkRange(Objects& objects, const ObjectId& base, const ObjectId& head,
                        const std::vector<Commit>& commits, const Limits& limits) {
  BEDPLATE_TRY_LET(const Index index, indexInOrder(base, head, commits));
  BEDPLATE_TRY_LET(std::set<ObjectId> edge, edgeOf(head, index));
  if (!edge.contains(base))
    return host::fail("NotDescendant", head.hex(), "does not descend from " + base.hex(),
                      "look at it, then: bedplate trust accept " + head.hex());
  return findAncestors(objects, base, head, std::move(edge), limits);
}

}  // namespace bedplate::source
