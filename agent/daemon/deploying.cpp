// What K3s has made of the manifests, and what follows from it.
#include <algorithm>

#include "agent/daemon/engine.h"
#include "agent/report/manifests.h"

namespace bedplate::daemon {
namespace {

constexpr const char* kObject = "object";

}  // namespace

// What is to be put right, without what somebody else keeps changing. Each is drift, and is recorded.
std::shared_ptr<const plan::Deployed> Engine::answering(const plan::Deployed& deployed) {
  auto answer = std::make_shared<plan::Deployed>(deployed);
  answer->again.clear();
  auto& contests = store_->notes().contests;
  const std::int64_t nowUs = setup_.clock.wallUs();
  apply::RunResult told;
  for (const auto& [path, why] : deployed.again) {
    const bool known = contests.find(path, nowUs) != nullptr;
    if (known) continue;
    const bool leave = contests.overdone(path, nowUs);
    if (!leave) answer->again.emplace(path, why);
    told.drifts.push_back({nowUs, kObject, path, why, "as Git says", "unknown", !leave});
    contests.add(told.drifts.back());
    if (const auto* contest = contests.find(path, nowUs)) told.contested.push_back(*contest);
  }
  if (auto added = store_->addDrift(told.drifts); !added) tellError("drift", "cannot record drift", added.error());
  tellDrift(told);
  return answer;
}

host::Status Engine::deployed(std::shared_ptr<const plan::Deployed> deployed) {
  deployed_ = std::move(deployed);
  if (!store_ || !keeper_ || syncing_) return {};
  return proceed();
}

host::Status Engine::proceed() {
  BEDPLATE_TRY_LET(const auto suspended, suspension());
  if (!reconciler_ || !deployed_ || suspended || !enforcing()) return {};
  const auto answer = deployed_->again.empty() ? deployed_ : answering(*deployed_);
  auto result = reconciler_->proceed({.deployed = answer});
  if (!answer->again.empty()) {
    auto said = std::make_shared<plan::Deployed>(*answer);
    said->again.clear();
    deployed_ = std::move(said);
  }
  if (!result) return {};
  tellSync(*result);
  if (result->applied) lastRun_ = std::move(result->applied);
  return {};
}

// The state of each manifest, when something that decides it is another than before.
void Engine::refreshManifests() {
  if (!store_ || !keeper_) return;
  const auto current = keeper_->current();
  if (!current || *current == nullptr) {
    manifests_.reset();
    deployment_.reset();
    manifestsOf_.reset();
    return;
  }
  const apply::Notes& notes = store_->notes();
  ManifestsOf of{notes.number, deployed_, notes.parked, enforcing(), {}};
  if (reconciler_)
    for (const auto& object : reconciler_->awaited()) of.awaited.push_back(cluster::identity(object));
  if (manifestsOf_ == of) return;
  const plan::Target& target = **current;
  if (!manifestsOf_ || manifestsOf_->number != of.number || manifestsOf_->awaited != of.awaited ||
      manifestsOf_->enforce != of.enforce) {
    auto watch = std::make_shared<ManifestWatch>();
    watch->target = *current;
    if (reconciler_) watch->awaited = reconciler_->awaited();
    watch->enforce = of.enforce;
    manifests_ = std::move(watch);
  }
  manifestsOf_ = std::move(of);
  const auto states = report::manifestStates(setup_.files, target, deployed_.get(), notes.parked);
  deployment_ = report::summarise(states, target, deployed_.get());
  keepAccepted();
  if (auto written = replaceUnflushed(setup_.files, report::manifestsFile(statusFile_), report::toJson(states));
      !written)
    tellError("manifests", "cannot write the manifests' states", written.error());
}

// When K3s has accepted all that a commit says.
void Engine::keepAccepted() {
  const auto& all = *deployment_;
  std::int64_t accepted = 0, others = 0;
  for (const auto& [state, number] : all.counts) (state == "accepted" ? accepted : others) += number;
  if (!all.problem.empty() || all.askedUs == 0 || accepted == 0 || others != 0) return;
  const auto row = store_->latest(apply::GenerationState::applied, apply::Store::With::noOutcomes);
  if (!row || !*row) return;
  auto times = store_->commitTimes((*row)->commit);
  if (!times || !*times || (*times)->confirmedUs == 0 || (*times)->acceptedUs != 0) return;
  (*times)->acceptedUs = std::max((*times)->confirmedUs, all.askedUs);
  if (auto kept = store_->putCommitTimes(**times); !kept)
    tellError("accepted", "cannot keep when K3s accepted a commit", kept.error());
}

}  // namespace bedplate::daemon
