#include "agent/apply/k3s_care.h"

#include <algorithm>

#include "agent/apply/fingerprint.h"
#include "agent/apply/generations.h"
#include "agent/apply/k3s_hands.h"
#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

using Kind = K3sNews::Kind;
using Phase = K3sTrial::Phase;

constexpr const char* kCause = "k3s-rollback";
constexpr std::size_t kMostRemembered = 100;

// `target` with K3s's files of another generation; 0: with none, so that what was there before comes back.
host::Result<plan::Target> withK3sOf(Keeper& keeper, plan::Target target, std::int64_t generation) {
  std::optional<plan::Target> other;
  if (generation != 0) {
    BEDPLATE_TRY_LET(other, keeper.stored(generation));
    if (!other)
      return host::fail("NotFound", "generation " + std::to_string(generation),
                        "is not kept any more, so K3s's configuration cannot be taken back to it",
                        "correct it in Git, then systemctl restart k3s");
  }
  std::erase_if(target.files, [](const plan::FileTarget& file) { return file.area == plan::Area::k3sConfig; });
  if (other)
    for (auto& file : other->files)
      if (file.area == plan::Area::k3sConfig) target.files.push_back(std::move(file));
  std::sort(target.files.begin(), target.files.end(),
            [](const plan::FileTarget& a, const plan::FileTarget& b) { return a.path < b.path; });
  return target;
}

std::string shortId(const std::string& commit) { return commit.substr(0, 7); }

}  // namespace

host::Result<std::string> k3sStateOf(Store& store, const plan::Target& target) {
  BEDPLATE_TRY_LET(const auto trial, store.k3sTrial());
  BEDPLATE_TRY_LET(const auto confirmed, store.k3sConfirmed());
  BEDPLATE_TRY_LET(const auto bad, store.k3sBad(k3sPart(target)));
  return text(trial) + std::to_string(confirmed) + bad.value_or("");
}

host::Result<std::optional<K3sInstead>> k3sInstead(Keeper& keeper, Store& store, const plan::Target& target) {
  BEDPLATE_TRY_LET(const auto trial, store.k3sTrial());
  const std::string part = k3sPart(target);
  std::int64_t from = 0;
  std::string why;
  if (trial.phase == Phase::restarting) {
    if (trial.part == part) return std::optional<K3sInstead>();
    from = trial.generation;
    why = "K3s's configuration waits until the one of commit " + shortId(trial.commit) + " is confirmed";
  } else {
    BEDPLATE_TRY_LET(const auto bad, store.k3sBad(part));
    if (!bad && trial.phase == Phase::idle) return std::optional<K3sInstead>();
    BEDPLATE_TRY_LET(from, store.k3sConfirmed());
    why = bad ? "K3s's configuration is held back: " + *bad : "K3s's configuration waits until K3s is up again";
  }
  BEDPLATE_TRY_LET(auto instead, withK3sOf(keeper, target, from));
  if (k3sPart(instead) == part) return std::optional<K3sInstead>();
  return std::optional<K3sInstead>({std::move(instead), std::move(why)});
}

host::Result<std::string> K3sCare::partOf(std::int64_t generation) {
  if (generation == 0) return std::string();
  if (const auto known = parts_.find(generation); known != parts_.end()) return known->second;
  if (parts_.size() > kMostRemembered) parts_.clear();
  BEDPLATE_TRY_LET(const auto newest, store_.latest(GenerationState::applied, Store::With::noOutcomes));
  if (newest && newest->number == generation) {
    // The keeper has it: to read a thousand manifests' names for it would cost more than to apply one.
    BEDPLATE_TRY_LET(const auto current, keeper_.current());
    return parts_[generation] = k3sPart(*current);
  }
  BEDPLATE_TRY_LET(const auto target, Generations(machine_.files).read(generation));
  return parts_[generation] = k3sPart(target);
}

host::Result<std::string> K3sCare::start() {
  BEDPLATE_TRY_LET(K3sTrial trial, store_.k3sTrial());
  if (trial.phase == Phase::idle) return tryBoot();
  const bool sameBoot = trial.bootId == host::bootId(machine_.files);
  if (trial.phase == Phase::restarting) {
    if (sameBoot) return std::string();  // it goes on
    BEDPLATE_TRY(goBack(trial, "the machine went down before it was confirmed", "", /*restarts=*/true));
    return "K3s's configuration of commit " + shortId(trial.commit) +
           " was not confirmed before the machine went down, and is taken back";
  }
  if (sameBoot && trial.beganNs != 0) return std::string();
  BEDPLATE_TRY(putBack(trial));
  return std::string("K3s's old configuration is put back");
}

// K3s is about to read what was placed and not tried: the machine went down before its turn came, or nobody wanted K3s
// restarted. There is no keeping it from that; but if it does not come up, it is taken back.
host::Result<std::string> K3sCare::tryBoot() {
  BEDPLATE_TRY_LET(const auto current, store_.latest(GenerationState::applied, Store::With::noOutcomes));
  if (!current) return std::string();
  BEDPLATE_TRY_LET(const auto running, store_.k3sRunning());
  const std::string boot = host::bootId(machine_.files);
  if ((running ? running->bootId : current->bootId) == boot) return std::string();
  BEDPLATE_TRY_LET(const std::string part, partOf(current->number));
  BEDPLATE_TRY_LET(const std::int64_t confirmed, store_.k3sConfirmed());
  const auto proven = partOf(confirmed);
  if (part.empty() || (confirmed != 0 && proven && *proven == part)) return std::string();
  K3sTrial trial;
  trial.phase = Phase::restarting;
  trial.byBoot = true;
  trial.generation = current->number;
  trial.commit = current->commit;
  trial.tree = current->tree;
  trial.part = part;
  trial.checks = K3sHands::checksOfBoot();
  trial.bootId = boot;
  trial.beganUs = machine_.clock.wallUs();
  trial.beganNs = machine_.clock.monotonicNs();
  trial.timeoutMs = kConfirmMs;
  BEDPLATE_TRY(store_.setK3sTrial(trial));
  return "K3s starts with this boot on its configuration of commit " + shortId(trial.commit) +
         ", which was not confirmed before";
}

// The ban and the phase first: whatever happens then, the bad files are not placed again.
host::Status K3sCare::goBack(K3sTrial trial, const std::string& why, const std::string& line, bool restarts) {
  trial.phase = Phase::goingBack;
  trial.outcome.clear();
  trial.why = why;
  trial.line = line;
  trial.restarts = restarts;
  trial.beganNs = trial.beganUs = 0;
  BEDPLATE_TRY(store_.setK3sBad(trial, line.empty() ? why : why + ": " + line));
  return putBack(std::move(trial));
}

// The time is taken when the old files are in place: what K3s was started with before is not them.
host::Status K3sCare::putBack(K3sTrial trial) {
  BEDPLATE_TRY_LET(auto target, keeper_.stored(std::nullopt));
  if (target) {
    BEDPLATE_TRY_LET(auto instead, k3sInstead(keeper_, store_, *target));
    if (instead) {
      BEDPLATE_TRY_LET(const RunResult run, keeper_.apply(instead->target, kCause));
      for (const auto& outcome : run.outcomes)
        if (outcome.error && inK3sConfig(outcome.change.subject)) return host::Failure(*outcome.error);
    }
  }
  trial.bootId = host::bootId(machine_.files);
  trial.beganNs = machine_.clock.monotonicNs();
  trial.beganUs = machine_.clock.wallUs();
  return store_.setK3sTrial(trial);
}

host::Result<K3sOrder> K3sCare::order(const cluster::Identity& node, const cluster::NodeConfig::Restart* policy,
                                      bool mayBegin) {
  K3sOrder order;
  BEDPLATE_TRY_LET(order.trial, store_.k3sTrial());
  if (order.trial.phase == Phase::goingBack && order.trial.beganNs == 0) {
    // A disk was full, or we were killed: nobody may look at K3s before its old files are there.
    BEDPLATE_TRY(putBack(order.trial));
    BEDPLATE_TRY_LET(order.trial, store_.k3sTrial());
  }
  BEDPLATE_TRY_LET(const auto current, store_.latest(GenerationState::applied, Store::With::noOutcomes));
  order.node = node.name;
  order.role = node.role;
  order.bootId = host::bootId(machine_.files);
  if (!current) return order;
  order.generation = current->number;
  order.commit = current->commit;
  order.tree = current->tree;
  BEDPLATE_TRY_LET(order.part, partOf(current->number));
  BEDPLATE_TRY_LET(const std::int64_t confirmed, store_.k3sConfirmed());
  const auto provenPart = partOf(confirmed);
  order.proven = confirmed != 0 && provenPart && *provenPart == order.part;
  BEDPLATE_TRY_LET(order.running, store_.k3sRunning());
  if (firstSeen_.size() > kMostRemembered) firstSeen_.clear();
  order.sinceUs = firstSeen_.emplace(order.part, current->finishedUs).first->second;
  if (policy != nullptr) order.policy = *policy;
  BEDPLATE_TRY_LET(const auto bad, store_.k3sBad(order.part));
  order.mayBegin = mayBegin && policy != nullptr && !bad;
  // Without a part of ours there is nothing to restart for, but what has left Git may have been one.
  BEDPLATE_TRY_LET(order.sealed, store_.sealedPaths());
  order.active = !order.part.empty() || confirmed != 0 || order.trial.phase != Phase::idle;
  return order;
}

host::Status K3sCare::markProven(const std::string& part) {
  BEDPLATE_TRY_LET(const auto current, store_.latest(GenerationState::applied, Store::With::noOutcomes));
  if (!current) return {};
  BEDPLATE_TRY_LET(const std::string now, partOf(current->number));
  if (now != part) return {};  // another one has come since
  BEDPLATE_TRY_LET(const std::int64_t confirmed, store_.k3sConfirmed());
  if (const auto before = partOf(confirmed); confirmed != 0 && before && *before == now) return {};
  return store_.setK3sConfirmed(current->number);
}

host::Status K3sCare::end(K3sTrial trial, const std::string& outcome, const std::string& why) {
  trial.phase = Phase::idle;
  trial.outcome = outcome;
  if (!why.empty()) trial.why = why;
  trial.told = false;
  trial.beganUs = machine_.clock.wallUs();
  return store_.setK3sTrial(trial);
}

host::Result<K3sCare::Took> K3sCare::looked(const K3sNews& news) {
  Took took;
  if (news.running) BEDPLATE_TRY(store_.setK3sRunning(*news.running));
  if (news.running && !news.changed && news.healthy) BEDPLATE_TRY(markProven(news.part));
  BEDPLATE_TRY_LET(K3sTrial trial, store_.k3sTrial());
  if (news.condemned && news.changed) {
    BEDPLATE_TRY_LET(const auto current, store_.latest(GenerationState::applied, Store::With::noOutcomes));
    if (!current) return took;
    BEDPLATE_TRY_LET(const std::string part, partOf(current->number));
    if (part != news.part) return took;  // another commit has come: it is judged anew
    trial = {};
    trial.generation = current->number;
    trial.commit = current->commit;
    trial.tree = current->tree;
    trial.part = news.part;
    trial.timeoutMs = kConfirmMs;
    BEDPLATE_TRY(goBack(trial, news.why, "", /*restarts=*/false));
    took.said = "K3s is not restarted onto commit " + shortId(trial.commit) +
                ", and its old configuration is put back: " + news.why;
    took.bad = true;
  } else if (trial.outcome == "failed" && !news.changed && news.healthy) {
    // Somebody has mended it.
    BEDPLATE_TRY(end(trial, "rolled-back", ""));
    took.said = "K3s is up again";
  }
  return took;
}

host::Result<K3sCare::Took> K3sCare::take(const K3sNews& news) {
  BEDPLATE_TRY_LET(K3sTrial trial, store_.k3sTrial());
  if (news.phase != trial.phase || news.beganUs != trial.beganUs) return Took{};
  last_ = news;
  Took took;
  const std::string commit = "commit " + shortId(trial.commit);
  switch (news.kind) {
    case Kind::looked: return looked(news);
    case Kind::go: {
      BEDPLATE_TRY_LET(const auto current, store_.latest(GenerationState::applied, Store::With::noOutcomes));
      if (!current) return took;
      BEDPLATE_TRY_LET(const std::string part, partOf(current->number));
      if (part != news.part) return took;  // another commit has come: it is judged anew
      K3sTrial next;
      next.phase = Phase::restarting;
      next.generation = current->number;
      next.commit = current->commit;
      next.tree = current->tree;
      next.part = part;
      next.checks = news.checks;
      next.bootId = host::bootId(machine_.files);
      next.beganUs = machine_.clock.wallUs();
      next.beganNs = machine_.clock.monotonicNs();
      next.timeoutMs = news.timeoutMs > 0 ? news.timeoutMs : kConfirmMs;
      BEDPLATE_TRY(store_.setK3sTrial(next));
      took.said = "restarting K3s for commit " + shortId(next.commit);
      return took;
    }
    case Kind::confirmed:
      if (news.running) BEDPLATE_TRY(store_.setK3sRunning(*news.running));
      BEDPLATE_TRY(store_.setK3sConfirmed(trial.generation));
      BEDPLATE_TRY(end(trial, "confirmed", ""));
      took.said = "K3s is up on the configuration of " + commit;
      took.wantsSync = true;
      return took;
    case Kind::aborted:
      BEDPLATE_TRY(end(trial, "waiting", news.why));
      took.said = "K3s could not be restarted: " + news.why;
      took.bad = true;
      return took;
    case Kind::notConfirmed:
      BEDPLATE_TRY(goBack(trial, news.why, news.line, /*restarts=*/true));
      took.said = "K3s is not up on the configuration of " + commit + ", which is taken back: " + news.why +
                  (news.line.empty() ? "" : ": " + news.line);
      took.bad = true;
      return took;
    case Kind::back:
      if (news.running) BEDPLATE_TRY(store_.setK3sRunning(*news.running));
      BEDPLATE_TRY(end(trial, "rolled-back", ""));
      took.said = "K3s is up again on its old configuration";
      took.wantsSync = true;
      return took;
    case Kind::gaveUp:
      BEDPLATE_TRY(
          end(trial, "failed",
              trial.why + "; and on the old configuration " + news.why + (news.line.empty() ? "" : ": " + news.line)));
      took.said = "K3s is not up on its old configuration either, and is left alone now: " + news.why +
                  (news.line.empty() ? "" : ": " + news.line);
      took.bad = true;
      return took;
    case Kind::told:
      trial.told = true;
      BEDPLATE_TRY(store_.setK3sTrial(trial));
      return took;
  }
  return took;
}

host::Result<K3sShown> k3sShown(Store& store, const std::optional<K3sNews>& last,
                                const std::optional<std::string>& heldBack) {
  K3sShown shown;
  BEDPLATE_TRY_LET(const K3sTrial trial, store.k3sTrial());
  if (last) shown.configHash = last->configHash;
  shown.sinceUs = trial.beganUs;
  shown.commit = trial.commit;
  shown.line = trial.line;
  shown.why = trial.why;
  if (trial.phase != Phase::idle) {
    shown.state = name(trial.phase);
    shown.reason = trial.phase == Phase::restarting ? "Restarting" : "GoingBack";
    return shown;
  }
  if (trial.outcome == "failed") {
    shown.state = "failed";
    shown.reason = "RestartFailed";
    return shown;
  }
  if (last && last->kind == Kind::looked && last->changed) {
    shown.state = "waiting";
    shown.reason = last->reason;
    shown.why = last->why;
    shown.keys = last->keys;
    BEDPLATE_TRY_LET(const auto current, store.latest(GenerationState::applied, Store::With::noOutcomes));
    shown.commit = current ? current->commit : "";
    shown.line.clear();
    if (current) shown.sinceUs = current->finishedUs;
    return shown;
  }
  bool held = heldBack && !heldBack->empty();
  if (!heldBack) {
    const auto current = store.latest(GenerationState::applied, Store::With::noOutcomes);
    held = trial.outcome == "rolled-back" && current && *current && (*current)->tree == trial.tree;
  }
  if (held) {
    shown.state = "rolled-back";
    shown.reason = "RolledBack";
    // Another one was confirmed since, and Git is back at the one from before that.
    if (trial.outcome != "rolled-back") {
      shown.why = *heldBack;
      shown.line.clear();
      shown.commit.clear();
    }
    return shown;
  }
  K3sShown nothing;
  nothing.configHash = shown.configHash;
  return nothing;
}

}  // namespace bedplate::apply
