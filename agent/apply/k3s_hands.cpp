#include "agent/apply/k3s_hands.h"

#include <algorithm>

#include "agent/apply/k3s_cluster.h"
#include "agent/k3s/k3s.h"

namespace bedplate::apply {
namespace {

// In place of a digest: K3s reads something else than it was started with, as far as can be told.
constexpr const char* kUnknown = "unknown";

using Kind = K3sNews::Kind;
using Phase = K3sTrial::Phase;

K3sNews answering(const K3sOrder& order, Kind kind) {
  K3sNews news;
  news.kind = kind;
  news.phase = order.trial.phase;
  news.beganUs = order.trial.beganUs;
  news.part = order.part;
  return news;
}

void because(K3sNews& news, std::string reason, std::string why) {
  news.reason = std::move(reason);
  news.why = std::move(why);
}

kube::Trial presentOf(const K3sOrder& order, std::string outcome) {
  return {order.node, order.tree, order.part, std::move(outcome), ""};
}

kube::Trial endOf(const K3sOrder& order) {
  const auto& trial = order.trial;
  return {order.node, trial.tree, trial.part, trial.outcome, trial.line.empty() ? trial.why : trial.line};
}

// One that is active without a process stands for K3s, or is no K3s at all.
bool runs(const k3s::UnitState& unit) { return unit.active == "active" && unit.sub == "running"; }

bool isCanary(const K3sOrder& order) {
  const auto& canaries = order.policy.canary;
  return std::find(canaries.begin(), canaries.end(), order.node) != canaries.end();
}

}  // namespace

host::Result<std::unique_ptr<K3sHands::Cluster>> K3sHands::connect() {
  BEDPLATE_TRY_LET(auto access, kube::readKubeconfig(tools_.files));
  BEDPLATE_TRY_LET(auto session, tools_.session());
  return std::make_unique<Cluster>(std::move(session), std::move(access));
}

std::int64_t K3sHands::wallOf(std::int64_t monotonicNs) {
  return tools_.clock.wallUs() - (tools_.clock.monotonicNs() - monotonicNs) / 1000;
}

std::optional<K3sNews> K3sHands::work(const K3sOrder& order) {
  switch (order.trial.phase) {
    case Phase::idle: return look(order);
    case Phase::restarting: return tryIt(order);
    case Phase::goingBack: return goBack(order);
  }
  return std::nullopt;
}

// --- looking ---------------------------------------------------------------------------------------------------------

std::optional<K3sRunning> K3sHands::running(const K3sOrder& order, const k3s::UnitState& unit,
                                            const std::string& effective) {
  if (!runs(unit) || unit.startedNs == 0) return std::nullopt;
  const auto& known = order.running;
  // Of a digest under another key, or of an older version without one, nothing can be said: K3s is looked at anew.
  const bool comparable = known && (known->effective == kUnknown || ofOneKey(known->effective, effective));
  if (comparable && known->bootId == order.bootId && known->startedNs == unit.startedNs) return known;
  if (k3sFilesChangedUs(tools_.files) > wallOf(unit.startedNs)) return std::nullopt;
  return K3sRunning{order.bootId, unit.startedNs, effective};
}

// The lease was taken, and K3s restarted by somebody else before we came to it.
void K3sHands::freeLeft(const K3sOrder& order, Cluster& cluster) {
  const auto lease = kube::readLease(cluster.api);
  if (lease && *lease && (*lease)->holder == order.node)
    static_cast<void>(kube::freeLease(cluster.api, **lease, presentOf(order, "confirmed"), tools_.clock.wallUs()));
}

K3sNews K3sHands::look(const K3sOrder& order) {
  K3sNews news = answering(order, Kind::looked);
  const auto unit = tools_.unit.look(k3s::unitOf(order.role));
  if (!unit) {
    because(news, "UnitUnknown", unit.error().text());
    return news;
  }
  const std::string effective = effectiveK3s(tools_.files);
  news.running = running(order, *unit, effective);
  const bool untold = !order.trial.outcome.empty() && !order.trial.told;
  const bool unknown = !news.running && runs(*unit);
  news.changed = news.running && news.running->effective != effective;
  const bool wentBack = order.trial.outcome == "rolled-back" && order.trial.tree == order.tree;
  const bool says =
      isCanary(order) && order.asGit && !wentBack && !news.changed && !order.tree.empty() && order.tree != saidTree_;
  const bool mended = order.trial.outcome == "failed";
  if (!news.changed && !unknown && !untold && order.proven && !says && !mended) return news;

  auto cluster = connect();
  if (!cluster) {
    news.changed = news.changed || unknown;
    because(news, "NoApi", "the API cannot be asked: " + cluster.error().text());
    return news;
  }
  std::optional<kube::Node> own;
  if (auto node = kube::readNode((*cluster)->api, order.node)) {
    own = std::move(*node);
  } else if (node.error().reason != "NotFound") {
    news.changed = news.changed || unknown;
    because(news, "NoApi", "the API does not answer: " + node.error().text());
    return news;
  }
  if (own) {
    news.configHash = own->configHash;
    news.keys = startedDifferently(tools_.files, order.role, own->args, order.sealed);
  }
  if (unknown) {
    // The files are newer than K3s, or were touched only. What it says of itself decides.
    const bool same = own && !own->args.empty() && news.keys.empty();
    news.running = K3sRunning{order.bootId, unit->startedNs, same ? effective : std::string(kUnknown)};
    news.changed = !same;
  }
  if (!news.changed) news.keys.clear();
  news.healthy = runs(*unit) && (!own || own->ready);
  if (untold) {
    if (tell(order, **cluster, own))
      news.kind = Kind::told;
    else
      because(news, "NotTold", "the API does not take how the last restart ended; asked again soon");
    return news;
  }
  if (says && !news.changed) {
    const bool said = own && own->trial && own->trial->tree == order.tree && own->trial->outcome == "confirmed";
    if (said || kube::tellTrial((*cluster)->api, order.node, presentOf(order, "confirmed"))) saidTree_ = order.tree;
  }
  if (!news.changed) {
    if (isServer(order) && news.healthy && !mended) freeLeft(order, **cluster);
    return news;
  }
  if (!runs(*unit) || unit->job) {
    because(news, "NotRunning", "K3s is " + unit->active + ": it reads it when it starts");
    return news;
  }
  decide(order, **cluster, own, news);
  return news;
}

host::Result<ClusterSeen> K3sHands::see(const K3sOrder& order, Cluster& cluster, const std::optional<kube::Node>& own) {
  ClusterSeen seen;
  seen.own = own;
  for (const auto& name : order.policy.canary) {
    if (name == order.node) continue;
    auto canary = kube::readNode(cluster.api, name);
    if (canary)
      seen.canaries.push_back(std::move(*canary));
    else if (canary.error().reason == "NotFound")
      seen.noCanary.push_back(name);
    else if (isServer(order) || canary.error().reason != "Refused")  // a kubelet may read its own Node only
      return host::Failure(std::move(canary).error());
  }
  if (!isServer(order)) return seen;
  BEDPLATE_TRY_LET(seen.servers, kube::readServers(cluster.api));
  BEDPLATE_TRY_LET(seen.lease, kube::readLease(cluster.api));
  if (seen.lease) {
    lease_.saw(*seen.lease, tools_.clock.monotonicNs());
    seen.leaseOld = lease_.old(tools_.clock.monotonicNs());
  }
  return seen;
}

// The lease first, then a second look with it in hand: what was seen before may have changed meanwhile.
Verdict K3sHands::take(const K3sOrder& order, Cluster& cluster, const RestartWish& wish, ClusterSeen& seen) {
  const auto waits = [](const host::Error& error) {
    return Verdict{.go = false, .reason = "Lease", .why = "the lease cannot be taken: " + error.text()};
  };
  const auto held =
      kube::holdLease(cluster.api, seen.lease, order.node, presentOf(order, "running"), tools_.clock.wallUs());
  if (!held) return waits(held.error());
  auto again = see(order, cluster, seen.own);
  if (!again) return waits(again.error());
  Verdict verdict = mayRestart(wish, *again, tools_.clock.wallUs());
  if (!verdict.go)
    static_cast<void>(kube::freeLease(cluster.api, *held, presentOf(order, "waiting"), tools_.clock.wallUs()));
  return verdict;
}

void K3sHands::decide(const K3sOrder& order, Cluster& cluster, const std::optional<kube::Node>& own, K3sNews& news) {
  if (!order.mayBegin)
    return because(news, "NotYet", "the agent only observes, is suspended, or has not read Git since its start");
  const std::string zoneName = order.policy.window ? order.policy.window->timezone : "UTC";
  const RestartWish wish{.node = order.node,
                         .role = order.role,
                         .tree = order.tree,
                         .content = order.part,
                         .sinceUs = order.sinceUs,
                         .policy = order.policy,
                         .zone = TimeZone::read(tools_.files, zoneName),
                         .severalServers = k3s::severalServers(tools_.files)};
  auto seen = see(order, cluster, own);
  if (!seen) return because(news, "NoApi", "the API does not answer: " + seen.error().text());
  Verdict verdict = mayRestart(wish, *seen, tools_.clock.wallUs());
  if (verdict.go && isServer(order)) verdict = take(order, cluster, wish, *seen);
  news.condemned = verdict.condemned;
  if (!verdict.go) return because(news, verdict.reason, verdict.why);
  if (!isServer(order)) static_cast<void>(kube::tellTrial(cluster.api, order.node, presentOf(order, "running")));
  for (const auto& check : checks(order).checks)
    if (check.passed) news.checks.push_back(check.name);
  if (tools_.reach != nullptr)
    for (const auto& check : tools_.reach->before())
      if (check.passed) news.checks.push_back(check.name);
  news.timeoutMs = order.policy.confirmTimeoutMs.value_or(kConfirmMs);
  news.kind = Kind::go;
}

bool K3sHands::tell(const K3sOrder& order, Cluster& cluster, const std::optional<kube::Node>& own) {
  const kube::Trial trial = endOf(order);
  if (own && !(own->trial && *own->trial == trial))
    if (!kube::tellTrial(cluster.api, order.node, trial)) return false;
  // A server that is not up keeps the lease: nobody follows.
  if (!isServer(order) || trial.outcome == "failed") return true;
  const auto lease = kube::readLease(cluster.api);
  if (!lease) return false;
  // What was never tried here keeps the word of the one who did.
  if (!*lease || (*lease)->holder != order.node) return true;
  return kube::freeLease(cluster.api, **lease, trial, tools_.clock.wallUs()).has_value();
}

// --- doing -----------------------------------------------------------------------------------------------------------

std::optional<K3sNews> K3sHands::tryIt(const K3sOrder& order) {
  K3sNews news = answering(order, Kind::notConfirmed);
  const std::string name = k3s::unitOf(order.role);
  if (order.trial.byBoot && !awaitStart(order, /*restart=*/false)) return std::nullopt;
  const auto unit = tools_.unit.look(name);
  if (order.trial.byBoot && (!unit || unit->startedNs == 0)) {
    news.kind = Kind::aborted;
    news.why = "it was not started with this boot";
    return news;
  }
  // Before a crash it may have been asked for already.
  if (!order.trial.byBoot && (!unit || unit->startedNs < order.trial.beganNs)) {
    const auto asked = unit && unit->job ? host::Status() : tools_.unit.restart(name);
    // Of one that got no answer it is not known; what follows is watched as if it was taken.
    if (!asked && asked.error().reason != "Timeout") {
      news.kind = Kind::aborted;
      news.why = asked.error().text();
      return news;
    }
  }
  if (!watch(order, /*mayFailEarly=*/true, news)) return std::nullopt;
  if (news.healthy) news.kind = Kind::confirmed;
  return news;
}

bool K3sHands::awaitStart(const K3sOrder& order, bool restart) {
  const std::string name = k3s::unitOf(order.role);
  const std::int64_t deadline = order.trial.beganNs + order.trial.timeoutMs * 1'000'000;
  for (;;) {
    const auto unit = tools_.unit.look(name);
    if (unit && unit->startedNs >= order.trial.beganNs) return true;
    // At boot K3s is started after us, and of itself.
    const bool starts = unit && (unit->startedNs == 0 || unit->job);
    if (restart && !starts && tools_.unit.restart(name)) return true;
    if (!restart && unit && unit->startedNs != 0) return true;  // it was quicker than we
    if (tools_.clock.monotonicNs() >= deadline) return true;
    if (!tools_.pause(tools_.everyMs)) return false;
  }
}

std::optional<K3sNews> K3sHands::goBack(const K3sOrder& order) {
  K3sNews news = answering(order, Kind::gaveUp);
  if (!order.trial.restarts) {
    news.kind = Kind::back;  // K3s never read the other ones
    return news;
  }
  if (!awaitStart(order, /*restart=*/true)) return std::nullopt;
  if (!watch(order, /*mayFailEarly=*/false, news)) return std::nullopt;
  if (news.healthy) news.kind = Kind::back;
  return news;
}

}  // namespace bedplate::apply
