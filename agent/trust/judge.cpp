// From old to new: which of the new commits hold, and how far they take a node.
#include <algorithm>
#include <map>

#include "agent/trust/trust.h"

namespace bedplate::trust {
namespace {

using source::Commit;
using source::ObjectId;

// From the head down its first parents to one that holds. They are what the branch was; a side branch never was it.
std::optional<Commit> newestGood(const std::vector<Commit>& commits, const std::map<ObjectId, bool>& holds) {
  std::map<ObjectId, const Commit*> known;
  for (const auto& commit : commits) known.emplace(commit.id, &commit);
  for (auto at = known.find(commits.back().id); at != known.end();) {
    const Commit& commit = *at->second;
    if (holds.at(commit.id)) return commit;
    if (commit.parents.empty()) break;
    at = known.find(commit.parents.front());
  }
  return std::nullopt;
}

}  // namespace

std::string whose(const Commit& commit, const Verdict& verdict) {
  if (verdict.standing == Standing::good) return verdict.principal + " " + verdict.kind + " " + verdict.key;
  if (verdict.standing == Standing::unsignedCommit) return verdict.why + ", and says it is by " + commit.author;
  return verdict.key.empty() ? verdict.why : verdict.why + ": " + verdict.kind + " " + verdict.key;
}

host::Result<Judged> judge(source::Objects& objects, Verifier& verifier, const std::vector<Commit>& commits,
                           std::string_view path, bool firstContact, const Sight& seenAtUs) {
  Judged judged;
  if (firstContact) {
    const Commit& head = commits.back();
    BEDPLATE_TRY_LET(Verdict verdict, verifier.verify(head, seenAtUs(head.id)));
    if (verdict.standing == Standing::good)
      judged.to = head;
    else
      judged.bad = Judged::Bad{head, std::move(verdict)};
    return judged;
  }
  BEDPLATE_TRY_LET(const std::vector<bool> must, mustBeSigned(objects, commits, path));
  std::map<ObjectId, bool> holds;
  for (std::size_t i = 0; i < commits.size(); ++i) {
    const Commit& commit = commits[i];
    bool good = std::all_of(commit.parents.begin(), commit.parents.end(), [&](const ObjectId& parent) {
      const auto found = holds.find(parent);
      return found == holds.end() || found->second;
    });
    if (must[i]) {
      BEDPLATE_TRY_LET(Verdict verdict, verifier.verify(commit, seenAtUs(commit.id)));
      if (verdict.standing != Standing::good) {
        good = false;
        if (!judged.bad) judged.bad = Judged::Bad{commit, std::move(verdict)};
      }
    }
    holds.emplace(commit.id, good);
  }
  judged.to = newestGood(commits, holds);
  return judged;
}

}  // namespace bedplate::trust
