// What somebody else changed: found in a plan, and recorded.
#include <map>
#include <set>

#include "agent/apply/apply.h"
#include "agent/apply/pass.h"

namespace bedplate::apply {
namespace {

using plan::Action;

// Somebody changed what we had set: not a first time, not a second try, and not what a reboot does to the kernel.
bool isDrift(const plan::Change& change, const plan::Held& held, const Notes& notes, bool newBoot) {
  if (notes.unsettled.count(change.subject) != 0) return false;
  if (change.action == Action::setSysctl)
    return !newBoot && held.sysctls.count(change.subject) != 0 && notes.pending.count(change.subject) == 0;
  return change.action == Action::writeFile && held.files.count(change.subject) != 0;
}

}  // namespace

std::vector<DriftEvent> Keeper::findDrift(Pass& pass, const Look& look, const Writers& writers) {
  Contests& contests = store_.notes().contests;
  const std::int64_t nowUs = machine_.clock.wallUs();
  std::vector<DriftEvent> drifts;
  std::set<std::string> left;
  std::set<std::string> wrong;
  for (const auto& change : pass.plan().changes) {
    const bool manifest = change.action == Action::writeFile && pass.isManifest(change.subject);
    if (manifest && look.back) continue;
    if (!isDrift(change, pass.held(), store_.notes(), look.newBoot)) continue;
    if (const auto seen = pass.seen().files.find(change.subject);
        seen != pass.seen().files.end() && seen->second.unknown)
      continue;
    wrong.insert(change.subject);
    const bool known = contests.find(change.subject, nowUs) != nullptr;
    const bool off = manifest && pass.target().selfHeal == plan::SelfHeal::off;
    const bool leave = !look.enforce || off || known || contests.overdone(change.subject, nowUs);
    if (leave) left.insert(change.subject);
    if (known) continue;
    const auto writer = writers.find(change.subject);
    drifts.push_back({nowUs, change.action == Action::setSysctl ? "sysctl" : "file", change.subject, change.from,
                      change.to, writer == writers.end() ? "unknown" : writer->second, !leave});
  }
  if (!left.empty()) pass.leaveOut([&](const plan::Change& change) { return left.count(change.subject) != 0; });
  if (!contests.empty())
    for (const auto& contest : contests.all(nowUs))
      if (contest.kind != "object" && wrong.count(contest.subject) == 0) contests.settled(contest.subject, nowUs);
  return drifts;
}

// Each repair is an event; what is not put back is one as long as it stays as it is.
host::Status Keeper::recordDrift(const std::vector<DriftEvent>& drifts, RunResult& result) {
  auto& reported = store_.notes().reported;
  std::map<std::string, std::string> now;
  auto& fresh = result.drifts;
  for (const auto& event : drifts) {
    if (!event.repaired) now[event.subject] = event.from;
    const auto before = reported.find(event.subject);
    if (event.repaired || before == reported.end() || before->second != event.from) fresh.push_back(event);
  }
  // What failed to be put back is no longer a drift at the next look, but the same story still.
  for (const auto& [subject, outcome] : store_.notes().unsettled)
    if (const auto before = reported.find(subject); before != reported.end()) now.insert(*before);
  auto& contests = store_.notes().contests;
  for (const auto& event : fresh) {
    contests.add(event);
    if (const Contest* contest = contests.find(event.subject, event.wallUs)) result.contested.push_back(*contest);
  }
  BEDPLATE_TRY(store_.addDrift(fresh));
  reported = std::move(now);
  return {};
}

}  // namespace bedplate::apply
