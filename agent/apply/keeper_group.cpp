// Which of the keys that can cut the node off are set in a run, and whether the network is looked at for them.
#include <algorithm>

#include "agent/apply/group.h"
#include "agent/apply/pass.h"

namespace bedplate::apply {
namespace {

std::vector<plan::Change> groupOf(const plan::Plan& plan) {
  std::vector<plan::Change> group;
  std::copy_if(plan.changes.begin(), plan.changes.end(), std::back_inserter(group), ofGroup);
  return group;
}

// What the kernel refused is not looked at again every minute: each try is a look at the network, too.
constexpr std::int64_t kRetryNs = 600'000'000'000;

}  // namespace

// One of an earlier boot went with it: the boot files never had its keys.
host::Status Keeper::findOpenGroup() {
  Notes& notes = store_.notes();
  BEDPLATE_TRY_LET(const auto open, store_.openGroup());
  notes.groupOpen = open && open->bootId == host::bootId(machine_.files);
  return open && !notes.groupOpen ? store_.closeGroup() : host::Status();
}

host::Status Keeper::decideGroup(Pass& pass) {
  pass.ask();
  const auto group = groupOf(pass.plan());
  if (group.empty()) return {};
  BEDPLATE_TRY_LET(const auto cut, store_.cutOff());
  if (!cut) return {};
  // Other keys: the old story is over.
  if (cut->group != groupDigest(pass.target())) return store_.clearCutOff();
  for (const auto& change : group) pass.defer({change, cutOffError(change.subject, cut->why)});
  return {};
}

host::Status Keeper::decideGroup(Pass& pass, const Look& look, const std::set<std::string>& drifted) {
  const Notes& notes = store_.notes();
  const auto due = [&](const Outcome& last) {
    const auto tried = notes.tried.find(last.change.subject);
    const bool refused = last.error && (last.error->reason == "Invalid" || last.error->reason == "Differs");
    return !refused || tried == notes.tried.end() || machine_.clock.monotonicNs() - tried->second >= kRetryNs;
  };
  if (notes.groupOpen) pass.ask();
  const auto group = groupOf(pass.plan());
  if (group.empty()) return {};
  BEDPLATE_TRY_LET(const auto cut, store_.cutOff());
  const bool held = cut && cut->group == groupDigest(pass.target());
  for (const auto& change : group) {
    // Back to what was in force, and did not cut it off.
    if (drifted.count(change.subject) != 0) continue;
    const auto last = notes.unsettled.find(change.subject);
    if (held)
      pass.defer({change, cutOffError(change.subject, cut->why)});
    else if (last != notes.unsettled.end() && !(look.retryAll && due(last->second)))
      pass.defer(last->second);
    else if (look.newBoot ? pass.heldAtBoot(change) : last == notes.unsettled.end() && pass.byGlob(change))
      continue;  // confirmed in an earlier boot; or an interface that is newer than what confirmed the rule for all
    else if (!look.mayAsk && !notes.groupOpen)
      pass.defer(last != notes.unsettled.end() ? last->second : Outcome{change, uncheckedError(change.subject)});
    else
      pass.ask();
  }
  return {};
}

}  // namespace bedplate::apply
