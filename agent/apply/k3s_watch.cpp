// Whether K3s is well, and watching it until it is, or until the time is over.
#include <algorithm>

#include "agent/apply/k3s_cluster.h"
#include "agent/k3s/journal_line.h"
#include "agent/source/text.h"

namespace bedplate::apply {
namespace {

constexpr const char* kActive = "k3s is active";
constexpr const char* kReadyz = "/readyz answers";
constexpr const char* kNode = "the Node is Ready";
constexpr std::size_t kMostReadyz = 64 << 10;
constexpr std::size_t kLongestLine = 400;
// Two ends in a row are no accident: it need not be waited for the deadline.
constexpr int kMostStarts = 3;
constexpr std::int64_t kGatewayMs = 2'000;
constexpr std::int64_t kRenewNs = 20'000'000'000;
constexpr std::int64_t kGraceNs = 3'000'000'000;
// One that does not end when it is told to is killed by systemd after TimeoutStopSec: 90 s unless the unit says
// otherwise.
constexpr std::int64_t kStopNs = 120'000'000'000;
constexpr std::int64_t kReadLogUs = 1'000'000;  // the clocks of log and state are rounded

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::vector<std::string> K3sHands::checksOfBoot() { return {kActive, kReadyz}; }

K3sHands::Look K3sHands::checks(const K3sOrder& order) {
  Look look;
  const auto unit = tools_.unit.look(k3s::unitOf(order.role));
  if (unit) look.unit = *unit;
  const bool active = unit && unit->active == "active";
  look.checks.push_back({kActive, active, unit ? "k3s is " + unit->active : unit.error().text()});
  if (!active) return look;
  const auto cluster = connect();
  if (!cluster) {
    look.checks.push_back({kReadyz, false, cluster.error().text()});
    return look;
  }
  const auto ready = (*cluster)->api.get("/readyz", kMostReadyz);
  look.checks.push_back({kReadyz, ready.has_value(), ready ? "" : ready.error().text()});
  const auto node = kube::readNode((*cluster)->api, order.node);
  Check check{kNode, false, ""};
  if (!node) {
    check.why = node.error().text();
  } else {
    look.configHash = node->configHash;
    // The word of a kubelet that is no more stands for a while.
    const bool heard = !node->heardUs || *node->heardUs >= wallOf(unit->startedNs) - kReadLogUs;
    check.passed = node->ready && heard;
    check.why =
        !node->ready ? "the Node is not Ready (" + node->notReady + ")" : "the kubelet has not posted its Node yet";
  }
  look.checks.push_back(std::move(check));
  return look;
}

std::vector<Check> K3sHands::gateways(const std::vector<std::string>& names) {
  if (tools_.reach == nullptr) return {};
  std::vector<std::string> ofReach;
  for (const auto& name : names)
    if (name != kActive && name != kReadyz && name != kNode) ofReach.push_back(name);
  return ofReach.empty() ? std::vector<Check>() : tools_.reach->after(ofReach, kGatewayMs);
}

void K3sHands::renew(const K3sOrder& order) {
  if (!isServer(order)) return;
  auto cluster = connect();
  if (!cluster) return;
  const auto lease = kube::readLease((*cluster)->api);
  if (!lease || !*lease || (*lease)->holder != order.node) return;
  const kube::Trial trial{order.node, order.trial.tree, order.trial.part, "running", ""};
  static_cast<void>(kube::holdLease((*cluster)->api, *lease, order.node, trial, tools_.clock.wallUs()));
}

bool K3sHands::watch(const K3sOrder& order, bool mayFailEarly, K3sNews& news) {
  const auto& trial = order.trial;
  const std::int64_t settle = std::min(tools_.settleMs, trial.timeoutMs / 3) * 1'000'000;
  // Who was away while the time ran out, and finds K3s well, may still see that it stays so.
  std::int64_t deadline =
      std::max(trial.beganNs + trial.timeoutMs * 1'000'000, tools_.clock.monotonicNs() + settle + kGraceNs);
  std::optional<std::int64_t> wellNs;
  std::int64_t startedNs = 0, renewedNs = tools_.clock.monotonicNs();
  int starts = 0;
  for (;;) {
    Look look = checks(order);
    const bool restarted = look.unit.startedNs >= trial.beganNs || (trial.byBoot && look.unit.startedNs != 0);
    if (look.unit.startedNs != startedNs && restarted) {
      startedNs = look.unit.startedNs;
      wellNs.reset();
      if (++starts == 1 && !mayFailEarly) deadline = std::max(deadline, startedNs + trial.timeoutMs * 1'000'000);
    }
    std::string why = restarted ? "" : "k3s was not started yet";
    for (const auto& check : look.checks)
      if (!check.passed && contains(trial.checks, check.name) && why.empty())
        why = check.name + " no more: " + check.why;
    // What was not looked at, as what comes before it failed, has not passed; that stands in `why` already.
    if (why.empty())
      for (const auto& check : gateways(trial.checks))
        if (!check.passed && why.empty()) why = check.name + " no more: " + check.why;
    const std::int64_t now = tools_.clock.monotonicNs();
    if (!why.empty()) {
      wellNs.reset();
    } else {
      if (!wellNs) wellNs = now;
      if (now - *wellNs >= settle) {
        news.configHash = look.configHash;
        news.running = K3sRunning{order.bootId, look.unit.startedNs, effectiveK3s(tools_.files)};
        news.healthy = true;
        return true;
      }
      if (now - renewedNs > kRenewNs) {
        renew(order);
        renewedNs = now;
      }
    }
    // How long the one before takes to end is not held against the old configuration.
    const std::int64_t until = deadline + (!mayFailEarly && !restarted && look.unit.job ? kStopNs : 0);
    const bool ends = look.unit.active == "failed" || starts >= kMostStarts;
    if ((mayFailEarly && ends && !why.empty()) || now >= until) {
      news.why = !ends || now >= until          ? why + " (after " + std::to_string(trial.timeoutMs / 1000) + " s)"
                 : look.unit.active == "failed" ? "k3s has failed"
                                                : "k3s ends again and again";
      if (why.empty() && news.why.front() == ' ') news.why = "it was not well for long enough";
      const std::string line = k3s::lineThatMatters(tools_.log(k3s::unitOf(order.role), trial.beganUs - kReadLogUs));
      news.line = source::shownText(withoutSealed(tools_.files, order.sealed, line), kLongestLine);
      return true;
    }
    if (!tools_.pause(tools_.everyMs)) return false;
  }
}

}  // namespace bedplate::apply
