// Sysctls in their order: the ordinary ones, then, as a group, those that can cut the node off.
#include <algorithm>

#include "agent/apply/group.h"
#include "agent/apply/pass.h"

namespace bedplate::apply {
namespace {

using plan::Action;

// Both looks at the network together, so that a silent remote holds the engine for ten seconds and not longer.
constexpr std::int64_t kAfterMs = 6500;
constexpr std::int64_t kAfterUndoMs = 3500;

const Check* firstFailed(const std::vector<Check>& checks) {
  const auto failed = std::find_if(checks.begin(), checks.end(), [](const Check& check) { return !check.passed; });
  return failed == checks.end() ? nullptr : &*failed;
}

std::string keys(std::size_t count) { return std::to_string(count) + (count == 1 ? " key" : " keys"); }

}  // namespace

// Some writes move other keys (net.ipv4.ip_forward sets every conf.*.forwarding; conf.default.X those devices whose own
// X was never set): what was written over is written once more, last.
void Pass::setAgain() {
  std::set<std::string> written;
  for (const auto& outcome : outcomes_)
    if (outcome.change.action == Action::setSysctl) written.insert(outcome.change.subject);
  if (written.empty()) return;
  sysctl::Tree tree(machine_.files);
  for (const auto& [key, seen] : seen_.sysctls) {
    // A drift that is only reported, and what the kernel refused, stay as they are.
    const bool held = written.count(key) != 0 || (seen.value && sysctl::meets(seen.want, *seen.value));
    if (!held || unsettled_.count(key) != 0) continue;
    const auto now = tree.read(key);
    if (!now || sysctl::meets(seen.want, *now)) continue;
    auto status = tree.write(key, seen.want.value);
    if (status) continue;
    unsettled_[key] = status.error().reason + ": " + status.error().why;
    const auto outcome = std::find_if(outcomes_.begin(), outcomes_.end(),
                                      [&subject = key](const Outcome& one) { return one.change.subject == subject; });
    if (outcome != outcomes_.end() && !seen.want.tolerant) outcome->error = std::move(status).error();
  }
}

void Pass::setSysctls() {
  for (const auto& change : plan_.changes)
    if (change.action == Action::setSysctl && !ofGroup(change)) run(change);
  setAgain();

  std::vector<plan::Change> group;
  for (const auto& change : plan_.changes)
    if (ofGroup(change)) group.push_back(change);
  // What is given back is planned last, and belongs here.
  std::sort(group.begin(), group.end(), [](const plan::Change& a, const plan::Change& b) {
    const int one = sysctl::rank(a.subject, a.to);
    const int other = sysctl::rank(b.subject, b.to);
    return one != other ? one < other : a.subject < b.subject;
  });
  const Notes& notes = store_.notes();
  if (group.empty() && !notes.groupOpen) return;

  const bool reopened = notes.groupOpen;
  std::vector<std::string> checks;
  if (auto prepared = prepareGroup(group, checks); !prepared) {
    // Not one of them: without its record a crash could not put them back.
    for (const auto& change : group) note(change, prepared);
    return;
  }
  const std::size_t from = outcomes_.size();
  for (const auto& change : group) run(change);
  setAgain();
  if (checks.empty()) return;
  const bool wrote = std::any_of(outcomes_.begin() + static_cast<std::ptrdiff_t>(from), outcomes_.end(),
                                 [](const Outcome& outcome) { return !outcome.error; });
  if (!wrote && !reopened) return closeGroup();
  const auto after = machine_.reach->after(checks, kAfterMs);
  if (const Check* failed = firstFailed(after))
    takeBack(checks,
             failed->name + " answered before and does not now" + (failed->why.empty() ? "" : ": ") + failed->why);
  else
    closeGroup();
}

// Looks at the network, and makes what could be lost durable. No checks: the keys are set like any other.
host::Status Pass::prepareGroup(const std::vector<plan::Change>& group, std::vector<std::string>& checks) {
  Notes& notes = store_.notes();
  std::optional<OpenGroup> open;
  if (notes.groupOpen) {
    BEDPLATE_TRY_LET(open, store_.openGroup());
  }
  if (machine_.reach == nullptr || !asks_) {
    if (open) closeGroup();
    return {};
  }
  if (!open) {
    open.emplace();
    open->bootId = seen_.bootId;
    for (const auto& check : machine_.reach->before())
      if (check.passed) open->checks.push_back(check.name);
    // A remote that was out of reach before proves nothing.
    if (open->checks.empty()) return {};
  }
  // What an interrupted run has written already keeps the value from before it.
  auto values = valuesBefore(machine_.files, group);
  std::erase_if(values, [&](const auto& value) {
    return std::any_of(open->values.begin(), open->values.end(),
                       [&](const auto& known) { return known.first == value.first; });
  });
  open->values.insert(open->values.begin(), values.begin(), values.end());
  BEDPLATE_TRY(store_.setOpenGroup(*open));
  notes.groupOpen = true;
  checks = open->checks;
  return {};
}

void Pass::closeGroup() {
  // Where this fails, the next start looks at the network once more.
  if (store_.closeGroup()) store_.notes().groupOpen = false;
}

void Pass::takeBack(const std::vector<std::string>& checks, const std::string& why) {
  const auto open = store_.openGroup();
  host::Status back;
  if (!open)
    back = tl::make_unexpected(open.error());
  else if (*open)
    back = putBack(machine_.files, (*open)->values);
  machine_.reach->putRoutesBack();
  const auto again = machine_.reach->after(checks, kAfterUndoMs);
  const Check* failed = firstFailed(again);

  const std::size_t count = markTakenBack("taken back: " + why);
  tookBack_ = keys(count) + " that can cut the node off taken back: " + why;
  if (!back) tookBack_ += "; not all of it: " + back.error().text();
  tookBack_ += failed == nullptr ? "; it answers again" : "; it does not answer yet";
  if (store_.setCutOff({groupDigest(target_), "taken back: " + why})) store_.notes().groupOpen = false;
}

// Every key of the group that is not as wanted now has this for its outcome, also one that an interrupted run wrote.
std::size_t Pass::markTakenBack(const std::string& why) {
  plan::Target sysctls;
  sysctls.sysctls = target_.sysctls;
  plan::Held noFiles;
  noFiles.sysctls = held_->sysctls;
  const auto seen = observe(machine_, sysctls, noFiles);
  if (!seen) return 0;
  std::size_t count = 0;
  for (auto& change : plan::make(sysctls, *seen, noFiles).changes) {
    if (!ofGroup(change)) continue;
    const std::string subject = change.subject;
    auto outcome = std::find_if(outcomes_.begin(), outcomes_.end(),
                                [&](const Outcome& one) { return one.change.subject == subject; });
    if (outcome == outcomes_.end()) {
      outcomes_.push_back({std::move(change), std::nullopt});
      outcome = outcomes_.end() - 1;
    } else if (outcome->error) {
      continue;  // the kernel did not take it: that is the news of this key
    }
    outcome->error = cutOffError(subject, why);
    unsettled_[subject] = outcome->error->reason + ": " + why;
    undone_.insert(subject);
    ++count;
  }
  return count;
}

}  // namespace bedplate::apply
