#include <malloc.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "agent/apply/rollback.h"
#include "agent/daemon/engine.h"
#include "agent/trust/trust.h"

namespace bedplate::daemon {
namespace {

constexpr const char* kReleased = "released";

// The remote, or the way to it, is what failed: asking it as often as before would not help it. What is wrong on this
// node or in the repository is looked at in the usual rhythm, so that a correction is taken soon.
bool remoteFailed(const apply::SyncResult& result) {
  constexpr std::array<std::string_view, 8> kRemote = {"RemoteUnreachable",  "AuthenticationFailed", "HostKeyRefused",
                                                       "CertificateRefused", "BranchNotFound",       "Timeout",
                                                       "WorkerFailed",       "MirrorFailed"};
  return result.problem && std::find(kRemote.begin(), kRemote.end(), result.problem->reason) != kRemote.end();
}

bool changedSomething(const apply::RunResult& run) {
  for (const auto& outcome : run.outcomes)
    if (!outcome.error) return true;
  return false;
}

}  // namespace

Done Engine::run(const Command& command) {
  Done done;
  done.act = command.act;
  if (keeper_ && command.act != Act::sample && command.act != Act::measured) {
    keeper_->hear(command.news);
    if (command.whole) keeper_->lookWhole();
  }
  if (command.act == Act::start) {
    start(done);
  } else if (auto status = dispatch(command, done); !status) {
    done.error = status.error();
    done.answer = report::answer(status.error());
  }
  const bool frequent = command.act == Act::repair || command.act == Act::sample || command.act == Act::measured;
  facts_.statusChanged = false;
  if (!done.quiet) {
    refresh(/*always=*/command.act != Act::repair);
    done.facts = facts_;
  }
  // What a run took for a moment (contents, parsed YAML) goes back to the system; an idle agent is small.
  if (done.repaired || (!frequent && !done.small)) ::malloc_trim(0);
  return done;
}

void Engine::start(Done& done) {
  static_cast<void>(loadConfig());
  if (auto state = ensureState(); !state) {
    done.error = state.error();
    done.fatal = state.error().reason == "Busy";
    tellError("state", "cannot open the state", state.error());
    return;
  }
  if (auto recovered = recover(); !recovered) {
    done.error = recovered.error();
    tellError("recover", "cannot bring back the last good generation", recovered.error());
  }
}

host::Status Engine::dispatch(const Command& command, Done& done) {
  switch (command.act) {
    case Act::start: return {};
    case Act::sync: return sync(command, done);
    case Act::repair: return repair(command, done);
    case Act::measured:
      if (command.measured.k3s) return restarting(*command.measured.k3s, done);
      done.quiet = command.measured.probe == "steal" && !command.measured.keep;
      return measured(command.measured);
    case Act::rollback: return rollback(command, done);
    case Act::release: return release(done);
    case Act::accept: return accept(command, done);
    case Act::suspend: return suspend(command, done);
    case Act::resume: return resume(done);
    case Act::reload: return reload(done);
    case Act::sample: headroom_ = headroomWindow_.sample(setup_.files, setup_.clock, setup_.ownKernel); return {};
  }
  return {};
}

host::Status Engine::recover() {
  if (!store_) return {};
  BEDPLATE_TRY_LET(const auto suspended, suspension());
  if (!suspended && enforcing()) {
    BEDPLATE_TRY_LET(auto run, keeper_->recover());
    tellRun(run, "recovered");
    lastRun_ = std::move(run);
  }
  // Whatever the mode is by now: K3s is about to start on a configuration that nobody confirmed.
  BEDPLATE_TRY_LET(const std::string said, care_->start());
  if (!said.empty()) setup_.journal.say({.level = Level::warning, .message = said, .reason = "K3sRolledBack"});
  return {};
}

host::Status Engine::sync(const Command& command, Done& done) {
  bool remoteFails = true;
  auto status = trySync(command, done, remoteFails);
  const bool suspended = !status && status.error().reason == "Suspended";
  nextUs_ = 0;
  // While suspended, or without a repository, there is nothing to wait for; an interrupted one is done again at once.
  if (done.cancelled || suspended || !config_ || !config_->configured()) return status;
  done.nextMs = schedule_.next(remoteFails, setup_.chance());
  nextUs_ = setup_.clock.wallUs() + *done.nextMs * 1000;
  if (!status) tellError("sync", "cannot reconcile", status.error());
  return status;
}

host::Status Engine::trySync(const Command& command, Done& done, bool& remoteFails) {
  BEDPLATE_TRY(needs(true));
  BEDPLATE_TRY_LET(const auto suspended, suspension());
  if (suspended)
    return host::fail("Suspended", "sync", "the agent is suspended: " + suspended->reason, "bedplate resume");
  ensureSealing();
  const auto deployed = deployed_;
  syncing_ = true;
  apply::SyncResult result =
      reconciler_->sync({.retry = command.byHand, .allowPrune = command.allowPrune, .deployed = deployed});
  syncing_ = false;
  if (result.problem && result.problem->reason == "Cancelled") {
    done.cancelled = true;
    return host::Failure(*result.problem);
  }
  checkedUs_ = setup_.clock.wallUs();
  if (result.contact) contactUs_ = checkedUs_;
  remoteFails = remoteFailed(result);
  counters_.addReconcile(result.seconds);
  if (result.confirmed)
    if (const auto latency = apply::syncLatency(*result.confirmed)) counters_.syncLatency.add(*latency);
  done.small = result.unchanged && result.applied && result.applied->outcomes.empty();
  adoptBenchmark(result);
  adoptRestart(result);
  tellSync(result);
  done.answer = report::answer(result, config_->node.mode);
  if (result.applied) lastRun_ = result.applied;
  lastSync_ = std::move(result);
  if (deployed_ != deployed) return proceed();
  return {};
}

host::Status Engine::repair(const Command& command, Done& done) {
  done.quiet = true;
  if (!store_) return {};
  BEDPLATE_TRY_LET(const auto suspended, suspension());
  if (suspended) return {};
  const auto reported = store_->notes().reported;
  const auto pending = store_->notes().pending;
  auto run = keeper_->repair(enforcing(), command.writers);
  if (!run) {
    tellError("repair", "cannot look for drift", run.error());
    return host::Failure(run.error());
  }
  repeats_.over("repair");
  tellRepair(*run);
  done.repaired = enforcing() && changedSomething(*run);
  // A look that found nothing new costs nothing more; the outcome of the last real run stays to be shown.
  const apply::Notes& now = store_->notes();
  done.quiet = run->outcomes.empty() && run->drifts.empty() && !(lastRun_ && lastRun_->failed()) &&
               reported == now.reported && pending == now.pending &&
               contested_ == now.contests.all(setup_.clock.wallUs());
  if (!done.quiet) lastRun_ = std::move(*run);
  return {};
}

host::Status Engine::rollback(const Command& command, Done& done) {
  BEDPLATE_TRY(needs(false));
  if (!enforcing())
    return host::fail("Observing", "rollback", "the agent only observes here", "bedplate enforce makes it act");
  static const apply::ManifestRules kNone;
  static const plan::Deployed kUnknown;
  const apply::ManifestRules* rules = reconciler_ ? reconciler_->manifestRules() : nullptr;
  apply::Machine machine = this->machine();
  BEDPLATE_TRY_LET(auto run, apply::rollBack(machine, *keeper_, *store_, command.number, rules ? *rules : kNone,
                                             deployed_ ? *deployed_ : kUnknown));
  tellRun(run, "rolled back");
  done.answer = report::answer(run, "rolled back");
  lastRun_ = std::move(run);
  return {};
}

host::Status Engine::release(Done& done) {
  BEDPLATE_TRY(needs(false));
  // First, so that a crash on the way does not make the next sync take everything again.
  BEDPLATE_TRY(store_->suspend({kReleased, setup_.clock.wallUs(), 0}));
  BEDPLATE_TRY_LET(auto run, keeper_->release());
  tellRun(run, "released");
  done.answer = report::answer(run, "released");
  lastRun_ = std::move(run);
  return {};
}

host::Status Engine::accept(const Command& command, Done& done) {
  const auto commit = source::ObjectId::fromHex(command.text);
  if (!commit)
    return host::fail("Invalid", "'" + command.text + "'", "is not a full commit id", "give all 40 hex digits");
  BEDPLATE_TRY(needs(false));
  apply::Machine machine = this->machine();
  BEDPLATE_TRY(apply::acceptCommit(*store_, machine, *commit));
  setup_.journal.say({.level = Level::notice,
                      .message = "the operator accepted commit " + commit->hex(),
                      .commit = commit->hex(),
                      .reason = "Accepted"});
  done.answer.text = "accepted " + commit->hex() + "; a sync follows";
  done.wantsSync = true;
  return {};
}

host::Status Engine::suspend(const Command& command, Done& done) {
  BEDPLATE_TRY(needs(false));
  const std::int64_t now = setup_.clock.wallUs();
  if (command.text.empty()) return host::fail("Invalid", "suspend", "needs a reason", "bedplate suspend --reason TEXT");
  if (command.number != 0 && command.number <= now)
    return host::fail("Invalid", "suspend", "its end lies in the past", "give a later one, or none");
  BEDPLATE_TRY(store_->suspend({command.text, now, command.number}));
  std::string text = "suspended" + (command.number == 0 ? std::string() : " until " + host::isoTime(command.number));
  setup_.journal.say({.level = Level::notice, .message = text + ": " + command.text, .reason = "Suspended"});
  done.answer.text = std::move(text);
  return {};
}

host::Status Engine::resume(Done& done) {
  BEDPLATE_TRY(needs(false));
  BEDPLATE_TRY(store_->resume());
  setup_.journal.say({.level = Level::notice, .message = "resumed", .reason = "Resumed"});
  done.answer.text = "resumed; a sync follows";
  done.wantsSync = true;
  return {};
}

host::Status Engine::reload(Done& done) {
  BEDPLATE_TRY(loadConfig());
  setup_.journal.say({.level = Level::notice, .message = "the configuration was read", .reason = "Reloaded"});
  BEDPLATE_TRY(ensureState());
  done.wantsSync = config_->configured();
  return {};
}

}  // namespace bedplate::daemon
