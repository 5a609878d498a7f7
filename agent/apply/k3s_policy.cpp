#include "agent/apply/k3s_policy.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "agent/plan/plan.h"
#include "tuning/host/clock.h"

namespace bedplate::apply {
namespace {

using cluster::NodeConfig;
using kube::Node;
using kube::Trial;

constexpr std::int64_t kMinuteUs = 60'000'000;
constexpr std::int64_t kMinutesOfDay = 24 * 60;
constexpr std::int64_t kSearchMinutes = 8 * kMinutesOfDay;

Verdict wait(std::string reason, std::string why, std::int64_t againUs = 0) {
  Verdict verdict;
  verdict.reason = std::move(reason);
  verdict.why = std::move(why);
  verdict.againUs = againUs;
  return verdict;
}

bool isCanary(const RestartWish& wish) {
  const auto& canaries = wish.policy.canary;
  return std::find(canaries.begin(), canaries.end(), wish.node) != canaries.end();
}

bool failed(const Trial& trial) { return trial.outcome == "rolled-back" || trial.outcome == "failed"; }

bool ofThis(const Trial& trial, const RestartWish& wish) {
  return trial.tree == wish.tree || trial.content == wish.content;
}

// Why a canary's word does not yet let the others go; "" when it does.
std::string notYet(const Node& canary, const RestartWish& wish) {
  if (const std::string why = kube::notWell(canary); !why.empty()) return "canary " + canary.name + " " + why;
  const auto& trial = canary.trial;
  if (!trial || trial->tree != wish.tree)
    return "waits for canary " + canary.name + ", which has not come to this commit";
  if (trial->outcome != "confirmed") return "waits for canary " + canary.name + " (" + trial->outcome + ")";
  return {};
}

Verdict byWindow(const RestartWish& wish, std::int64_t nowUs) {
  if (wish.policy.mode != "window") return {.go = true, .reason = {}, .why = {}};
  const auto& window = wish.policy.window;
  if (!window) return wait("Window", "there is no k3s.restart.window");
  if (!wish.zone) return wait("Window", "never opens: " + wish.zone.error().text());
  if (windowOpen(*window, *wish.zone, nowUs)) return {.go = true, .reason = {}, .why = {}};
  const std::int64_t opens = windowOpensUs(*window, *wish.zone, nowUs);
  return wait("Window", "the window opens at " + host::isoTime(opens), opens);
}

Verdict byCanaries(const RestartWish& wish, const ClusterSeen& seen) {
  if (isCanary(wish)) return {.go = true, .reason = {}, .why = {}};
  for (const auto& name : seen.noCanary)
    return wait("Canary", "canary " + name + " of k3s.restart.canary is no Node of this cluster");
  for (const auto& canary : seen.canaries)
    if (const std::string why = notYet(canary, wish); !why.empty()) return wait("Canary", why);
  return {.go = true, .reason = {}, .why = {}};
}

Verdict byServers(const RestartWish& wish, const ClusterSeen& seen) {
  for (const auto& server : seen.servers) {
    if (server.name == wish.node) continue;
    if (const std::string why = kube::notWell(server); !why.empty())
      return wait("Servers", "server " + server.name + " " + why);
  }
  if (!seen.lease) return {.go = true, .reason = {}, .why = {}};
  const auto holder = std::find_if(seen.servers.begin(), seen.servers.end(),
                                   [&](const Node& node) { return node.name == seen.lease->holder; });
  const std::string why =
      kube::mayNotTake(*seen.lease, wish.node, seen.leaseOld, holder == seen.servers.end() ? nullptr : &*holder);
  return why.empty() ? Verdict{.go = true, .reason = {}, .why = {}} : wait("Lease", why);
}

Verdict bySlot(const RestartWish& wish, std::int64_t nowUs) {
  const std::int64_t at = wish.sinceUs + slotMs(wish) * 1000;
  if (nowUs >= at) return {.go = true, .reason = {}, .why = {}};
  return wait("Slot", "this node's turn is at " + host::isoTime(at), at);
}

// Spread evenly, the same on every machine.
std::uint64_t hashOf(const std::string& text) {
  constexpr std::size_t kDigits = 16;
  constexpr int kHex = 16;
  const std::string hash = plan::sha256(text);
  std::uint64_t number = 0;
  std::from_chars(hash.data(), hash.data() + std::min(kDigits, hash.size()), number, kHex);
  return number;
}

}  // namespace

std::int64_t slotMs(const RestartWish& wish) {
  if (isCanary(wish)) return 0;
  const std::int64_t spread = wish.policy.spreadMs.value_or(kSpreadMs);
  const std::int64_t first = wish.policy.canary.empty() ? 0 : wish.policy.confirmTimeoutMs.value_or(kConfirmMs) * 2;
  if (spread <= 0) return first;
  return first + static_cast<std::int64_t>(hashOf(wish.node + " " + wish.content) % static_cast<std::uint64_t>(spread));
}

bool windowOpen(const NodeConfig::Window& window, const TimeZone& zone, std::int64_t nowUs) {
  const std::int64_t seconds = nowUs / 1'000'000;
  const std::int64_t local = seconds + zone.offsetAt(seconds);
  const std::int64_t day = local / 86400;
  const std::int64_t minute = local % 86400 / 60;
  const auto begins = [&](std::int64_t dayNumber) {
    return window.days.contains(static_cast<int>((dayNumber + 3) % 7));  // the epoch was a Thursday
  };
  if (window.fromMinute < window.toMinute)
    return begins(day) && minute >= window.fromMinute && minute < window.toMinute;
  // Over midnight it belongs to the day on which it began.
  return (begins(day) && minute >= window.fromMinute) || (begins(day - 1) && minute < window.toMinute);
}

std::int64_t windowOpensUs(const NodeConfig::Window& window, const TimeZone& zone, std::int64_t nowUs) {
  const std::int64_t minute = nowUs / kMinuteUs * kMinuteUs;
  for (std::int64_t i = 1; i <= kSearchMinutes; ++i)
    if (windowOpen(window, zone, minute + i * kMinuteUs)) return minute + i * kMinuteUs;
  return minute + kSearchMinutes * kMinuteUs;
}

std::optional<Trial> failedElsewhere(const RestartWish& wish, const ClusterSeen& seen) {
  const auto counts = [&](const std::optional<Trial>& trial) {
    return trial && failed(*trial) && trial->node != wish.node && ofThis(*trial, wish);
  };
  if (seen.lease && counts(seen.lease->trial)) return seen.lease->trial;
  for (const auto* nodes : {&seen.servers, &seen.canaries})
    for (const auto& node : *nodes)
      if (counts(node.trial)) return node.trial;
  return std::nullopt;
}

Verdict mayRestart(const RestartWish& wish, const ClusterSeen& seen, std::int64_t nowUs) {
  if (const auto trial = failedElsewhere(wish, seen)) {
    Verdict verdict = wait("FailedElsewhere", "it failed on " + trial->node + ": " + trial->why);
    verdict.condemned = true;
    return verdict;
  }
  if (wish.policy.mode == "never") return wait("Never", "k3s.restart.mode is never");
  const bool server = wish.role != "agent";
  // A server that runs without its agent has none. Alone it may be restarted; others would not see whether it is well.
  if (!seen.own && (!server || wish.severalServers))
    return wait("NoNode", "this node has no Node in the cluster" +
                              std::string(server ? ", and there may be other servers: restart K3s by hand" : ""));
  if (seen.own && !seen.own->ready) return wait("NotReady", "this Node is not Ready (" + seen.own->notReady + ")");
  if (Verdict verdict = byWindow(wish, nowUs); !verdict.go) return verdict;
  if (Verdict verdict = byCanaries(wish, seen); !verdict.go) return verdict;
  return server ? byServers(wish, seen) : bySlot(wish, nowUs);
}

}  // namespace bedplate::apply
