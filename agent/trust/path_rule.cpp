// Which commits have to be signed when only one path matters.
#include <algorithm>
#include <map>
#include <set>

#include "agent/trust/trust.h"

namespace bedplate::trust {
namespace {

using source::Commit;
using source::ObjectId;
using source::ObjectType;

constexpr std::size_t kCommitBytes = 1 << 20;
constexpr std::size_t kTreeBytes = 4 << 20;  // as of the directories on the way to the cluster directory
constexpr std::size_t kAtOnce = 64;
constexpr std::size_t kSmallBytes = 128 << 10;

// What is at the path in one tree: nothing, or an object of a kind.
struct Entry {
  std::uint32_t mode = 0;
  ObjectId id;
  bool operator==(const Entry&) const = default;
};
using Found = std::optional<Entry>;
constexpr std::uint32_t kDirectory = 0040000;

std::vector<std::string> partsOf(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (const auto part = path.substr(0, slash); !part.empty() && part != ".") parts.emplace_back(part);
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

// Calls `take` with each object: small ones come some at a time, larger ones alone, so that little is held at once.
template <class Take>
host::Status each(source::Objects& objects, ObjectType type, const std::set<ObjectId>& wanted, std::size_t limit,
                  const Take& take) {
  const std::vector<ObjectId> ids(wanted.begin(), wanted.end());
  for (std::size_t at = 0; at < ids.size(); at += kAtOnce) {
    const std::vector<ObjectId> some(ids.begin() + static_cast<std::ptrdiff_t>(at),
                                     ids.begin() + static_cast<std::ptrdiff_t>(std::min(at + kAtOnce, ids.size())));
    BEDPLATE_TRY_LET(const auto small, objects.get(type, some, kSmallBytes));
    for (std::size_t i = 0; i < some.size(); ++i) {
      if (small.at(i)) {
        BEDPLATE_TRY(take(some[i], *small[i]));
        continue;
      }
      BEDPLATE_TRY_LET(const auto large, objects.get(type, {some[i]}, limit));
      if (!large.at(0))
        return host::fail("ObjectRefused", some[i].hex(), "is larger than is read of others' directories");
      BEDPLATE_TRY(take(some[i], *large[0]));
    }
  }
  return {};
}

// The tree of every commit and of every parent.
host::Result<std::map<ObjectId, ObjectId>> treesOf(source::Objects& objects, const std::vector<Commit>& commits) {
  std::map<ObjectId, ObjectId> trees;
  for (const auto& commit : commits) trees.emplace(commit.id, commit.tree);
  std::set<ObjectId> outside;
  for (const auto& commit : commits)
    for (const auto& parent : commit.parents)
      if (!trees.contains(parent)) outside.insert(parent);
  BEDPLATE_TRY(each(objects, ObjectType::commit, outside, kCommitBytes,
                    [&](const ObjectId& id, const std::string& raw) -> host::Status {
                      BEDPLATE_TRY_LET(const Commit parent, source::parseCommit(id, raw));
                      trees.emplace(id, parent.tree);
                      return {};
                    }));
  return trees;
}

// One step down: the entry of this name in each directory.
host::Status descend(source::Objects& objects, const std::string& name, std::map<ObjectId, Found>& at) {
  std::set<ObjectId> directories;
  for (const auto& [tree, found] : at)
    if (found && found->mode == kDirectory) directories.insert(found->id);
  std::map<ObjectId, Found> below;
  BEDPLATE_TRY(each(objects, ObjectType::tree, directories, kTreeBytes,
                    [&](const ObjectId& id, const std::string& raw) -> host::Status {
                      BEDPLATE_TRY_LET(const auto entries, source::parseTree(raw, id.size()));
                      const auto entry = std::find_if(entries.begin(), entries.end(),
                                                      [&](const auto& one) { return one.name == name; });
                      below[id] = entry == entries.end() ? Found{} : Found(Entry{entry->mode, entry->id});
                      return {};
                    }));
  for (auto& [tree, found] : at)
    if (found) found = found->mode == kDirectory ? below.at(found->id) : Found{};
  return {};
}

}  // namespace

host::Result<std::vector<bool>> mustBeSigned(source::Objects& objects, const std::vector<Commit>& commits,
                                             std::string_view path) {
  BEDPLATE_TRY_LET(const auto trees, treesOf(objects, commits));
  std::map<ObjectId, Found> at;
  for (const auto& [commit, tree] : trees) at.emplace(tree, Entry{kDirectory, tree});
  for (const auto& part : partsOf(path)) BEDPLATE_TRY(descend(objects, part, at));
  std::vector<bool> must;
  must.reserve(commits.size());
  for (const auto& commit : commits) {
    const Found& own = at.at(commit.tree);
    const auto differs = [&](const ObjectId& parent) { return at.at(trees.at(parent)) != own; };
    must.push_back(commit.parents.empty() ? own.has_value()
                                          : std::any_of(commit.parents.begin(), commit.parents.end(), differs));
  }
  return must;
}

}  // namespace bedplate::trust
