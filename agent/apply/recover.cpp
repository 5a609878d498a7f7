// After a crash, and before the package goes: the rest of the Keeper.
#include <algorithm>

#include "agent/apply/apply.h"
#include "agent/apply/group.h"
#include "agent/apply/pass.h"
#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

constexpr const char* kInterrupted = "interrupted";
constexpr int kMostAttempts = 2;

// How often in a row this tree was begun and did not come to an end.
int attemptsOf(const Generation& row, const std::vector<Generation>& history) {
  int attempts = row.attempts;
  for (const auto& earlier : history) {
    if (earlier.number >= row.number) continue;
    const bool interrupted =
        earlier.state == GenerationState::rolledBack && earlier.why.compare(0, 11, kInterrupted) == 0;
    if (!interrupted || earlier.tree != row.tree) break;
    attempts += earlier.attempts;
  }
  return attempts;
}

// A directory that was written for a generation that was never begun.
void sweepGenerations(host::Files& files, Store& store) {
  Generations generations(files);
  const auto numbers = generations.numbers();
  if (!numbers) return;
  for (const std::int64_t number : *numbers)
    if (const auto row = store.generation(number); row && !*row) static_cast<void>(generations.remove(number));
}

std::string leftBehind(host::Files& files, const plan::Plan& plan, const plan::Held& held) {
  std::string keys;
  for (const auto& change : plan.changes) {
    if (change.action != plan::Action::releaseSysctl || change.from == held.sysctls.at(change.subject).value) continue;
    keys += (keys.empty() ? "" : ", ") + sysctl::dotted(change.subject) + " = " + change.from;
  }
  std::string originals;
  for (const auto& [path, original] : held.files) {
    if (!original.existed) continue;
    originals += (originals.empty() ? "" : ", ") + files.shown(path) + " in " +
                 files.shown(host::joinPath(host::paths::originals, original.sha256));
  }
  std::string note;
  if (!keys.empty()) note = "left as they are: " + keys;
  if (!held.files.empty())
    note += (note.empty() ? "" : "; ") + std::to_string(held.files.size()) + " files of K3s are left in their places";
  if (!originals.empty()) note += "; what was there before: " + originals;
  return note;
}

}  // namespace

host::Result<RunResult> Keeper::recover() {
  lookWhole();
  Staging::sweep(machine_.files);
  for (const char* path : {host::paths::bootSysctl, host::paths::bootModules, host::paths::accepted, host::paths::held})
    host::sweepReplaced(machine_.files, path);
  sweepGenerations(machine_.files, store_);
  const std::string boot = host::bootId(machine_.files);
  BEDPLATE_TRY_LET(const auto newest, store_.history(1));
  BEDPLATE_TRY_LET(const std::string lastBoot, store_.recoveredBoot());
  BEDPLATE_TRY(findOpenGroup());
  BEDPLATE_TRY_LET(store_.notes().parked, store_.parked());
  if (boot != lastBoot) BEDPLATE_TRY(park());
  RunResult result;
  if (!newest.empty() && newest[0].state == GenerationState::applying) {
    BEDPLATE_TRY_LET(result, recoverInterrupted(newest[0], boot));
  } else {
    BEDPLATE_TRY(loadNotes());
    if (store_.notes().number != 0) {
      BEDPLATE_TRY_LET(const auto target, inForce());
      const Look look{.enforce = target->driftEnforce, .newBoot = boot != lastBoot, .retryAll = true, .mayAsk = false};
      BEDPLATE_TRY_LET(result, lookAfter(*target, look));
    }
  }
  if (boot != lastBoot && !newest.empty()) BEDPLATE_TRY(store_.setRecoveredBoot(boot));
  return result;
}

host::Result<RunResult> Keeper::recoverInterrupted(const Generation& row, const std::string& boot) {
  BEDPLATE_TRY_LET(const auto history, store_.history(100));
  const auto target = Generations(machine_.files).read(row.number);
  const int attempts = attemptsOf(row, history);
  const bool sameBoot = row.bootId == boot;
  if (row.cause == "release" || (target && sameBoot && attempts < kMostAttempts)) {
    BEDPLATE_TRY(store_.beganAgain(row.number, boot));
    if (row.cause == "release") return letGo(row.number, !sameBoot);
    return finishInterrupted(row, *target);
  }
  const std::string why = !target    ? std::string(kInterrupted) + ", and its files are damaged"
                          : sameBoot ? std::string(kInterrupted) + " again before it was through"
                                     : std::string(kInterrupted) + " by a reboot or a power cut";
  if (attempts >= kMostAttempts && !row.tree.empty())
    BEDPLATE_TRY(store_.setBad(row.tree, "was " + why + " in each of " + std::to_string(attempts) + " attempts"));
  return undo(row, why);
}

host::Result<RunResult> Keeper::finishInterrupted(const Generation& row, const plan::Target& target) {
  Pass pass(machine_, store_, target, seen_);
  BEDPLATE_TRY(pass.look());
  BEDPLATE_TRY(decideGroup(pass));
  BEDPLATE_TRY(pass.prepare(true));
  static_cast<void>(pass.takeOriginals());  // where it fails, the changes do
  RunResult result = complete(pass, row.number, GenerationState::applied, "");
  result.note = "generation " + std::to_string(row.number) + " was interrupted and is finished now" +
                (result.note.empty() ? "" : "; " + result.note);
  return result;
}

host::Result<RunResult> Keeper::undo(const Generation& row, const std::string& why) {
  BEDPLATE_TRY_LET(const auto previous, store_.latest(GenerationState::applied));
  plan::Target target;
  if (previous) {
    auto read = Generations(machine_.files).read(previous->number);
    if (!read) {
      // Nothing to go by until Git speaks: the host stays as it is, and the next apply puts it right.
      BEDPLATE_TRY(store_.finish(row.number, GenerationState::rolledBack, why, {}));
      BEDPLATE_TRY(loadNotes());
      RunResult result;
      result.note = "generation " + std::to_string(row.number) + " was " + why +
                    ", and cannot be taken back: " + read.error().text();
      return result;
    }
    target = std::move(*read);
  }
  if (store_.notes().groupOpen) {
    // With what the kernel changed along with it.
    BEDPLATE_TRY_LET(const auto open, store_.openGroup());
    if (open) static_cast<void>(putBack(machine_.files, open->values));  // what fails shows below
  }
  Pass pass(machine_, store_, target, seen_);
  BEDPLATE_TRY(pass.look(true));
  BEDPLATE_TRY(pass.prepare(true));
  static_cast<void>(pass.takeOriginals());  // where it fails, the changes do
  RunResult result = complete(pass, row.number, GenerationState::rolledBack, why);
  result.undone = true;
  result.note = "generation " + std::to_string(row.number) + " was " + why + ": taken back to " +
                (previous ? "generation " + std::to_string(previous->number) : std::string("the originals")) +
                (result.note.empty() ? "" : "; " + result.note);
  return result;
}

host::Result<RunResult> Keeper::release() {
  RunResult recovered;
  BEDPLATE_TRY(ready(&recovered));
  BEDPLATE_TRY_LET(const auto held, store_.sharedHeld());
  const plan::Target nothing;
  const std::string digest = plan::digest(nothing);
  Notes& notes = store_.notes();
  if (held->sysctls.empty() && held->files.empty() && (notes.number == 0 || notes.digest == digest)) {
    recovered.note = "nothing is held";
    return recovered;
  }
  Generation row;
  row.digest = digest;
  row.cause = "release";
  row.bootId = host::bootId(machine_.files);
  BEDPLATE_TRY_LET(row.number, store_.nextNumber());
  BEDPLATE_TRY(Generations(machine_.files).write(row.number, nothing));
  BEDPLATE_TRY_LET(const std::int64_t number, store_.begin(row));
  return letGo(number, false);
}

host::Result<RunResult> Keeper::letGo(std::int64_t number, bool otherBoot) {
  const plan::Target nothing;
  Pass pass(machine_, store_, nothing, seen_);
  BEDPLATE_TRY(pass.look(otherBoot));
  if (!otherBoot) pass.ask();
  const plan::Held held = pass.held();
  const std::string note = leftBehind(machine_.files, pass.plan(), held);
  pass.keepFiles();
  RunResult result = complete(pass, number, GenerationState::applied, "");
  for (const auto area : {plan::Area::k3sConfig, plan::Area::manifest})
    if (machine_.files.info(stageDirectory(area))) static_cast<void>(machine_.files.remove(stageDirectory(area)));
  result.note = note + (result.note.empty() ? "" : (note.empty() ? "" : "; ") + result.note);
  return result;
}

}  // namespace bedplate::apply
