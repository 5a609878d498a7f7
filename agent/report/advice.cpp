#include "agent/report/advice.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "agent/report/json.h"
#include "agent/report/verdict.h"

namespace bedplate::report {
namespace {

std::string aboutProblem(const Status& status) {
  const std::string& reason = status.source.problem->reason;
  if (reason == "NotDescendant")
    return "bedplate trust accept " + (status.source.head.empty() ? "COMMIT" : status.source.head);
  if (reason == "InvalidClusterDirectory") return "bedplate diff";
  if (reason == "SignatureRefused") return "bedplate trust verify";
  if (reason == "TakenBack") return "bedplate show " + std::to_string(status.generation.number);
  return "bedplate sync";
}

// What passes by itself, in a while, needs nobody.
bool forAPerson(std::string_view reason) {
  constexpr std::array<std::string_view, 7> kPasses = {"Window",  "Slot",    "Canary", "Lease",
                                                       "Servers", "NotTold", "NotYet"};
  return std::find(kPasses.begin(), kPasses.end(), reason) == kPasses.end();
}

std::string restart(const Status& status) {
  return status.node.role == "agent" ? "systemctl restart k3s-agent" : "systemctl restart k3s";
}

}  // namespace

std::string advice(const Status& status, bool daemonAlive) {
  if (status.source.problem && status.source.problem->reason == "InvalidConfiguration")
    return "bedplated --check-config";
  if (status.mode == "unconfigured") return "set url and path in bedplate.conf, then systemctl reload bedplated";
  if (!daemonAlive) return "systemctl status bedplated";
  if (status.suspended) return "bedplate resume";
  if (status.source.problem) return aboutProblem(status);
  if (!status.tuning.failed.empty()) return "bedplate explain " + status.tuning.failed.front().subject;
  if (!status.k3s.failed.empty()) return "bedplate explain " + status.k3s.failed.front().subject;
  const std::string& state = status.k3s.restart.state;
  if (state == "failed") return status.node.role == "agent" ? "journalctl -u k3s-agent" : "journalctl -u k3s";
  if (state == "rolled-back") return "correct it in Git (bedplate resume tries the same once more)";
  if (status.generation.state == "rolled-back") return "bedplate show " + std::to_string(status.generation.number);
  if (!status.hold.empty()) return "bedplate resume";
  if (!status.pendingChanges.empty()) return "bedplate diff";
  if (status.k3s.deployed && status.k3s.deployed->count("failing") > 0)
    return "bedplate explain " + status.k3s.deployed->open.front().file;
  if (status.k3s.deployed && status.k3s.deployed->count("held") > 0)
    return "bedplate sync --allow-prune, or put it back in Git";
  if (state == "waiting" && !forAPerson(status.k3s.restart.reason)) return "";
  if (status.k3s.restartNeeded) return restart(status);
  if (!status.drift.contested.empty()) return "bedplate explain " + shownSubject(status.drift.contested.front());
  if (!status.drift.unrepaired.empty()) return "bedplate explain " + status.drift.unrepaired.front().subject;
  if (!status.tuning.pending.empty()) return "bedplate explain " + status.tuning.pending.front().subject;
  if (status.mode == "observe") return "bedplate enforce";
  if (measuredFrom(status.disk).verdict == "unfit") return "bedplate bench disk";
  if (measuredFrom(status.steal).verdict == "unfit") return "bedplate bench steal";
  if (status.headroom && tight(*status.headroom)) return "see the warning: raise that limit in Git";
  if (status.drift.today > 0) return "bedplate history";
  return {};
}

}  // namespace bedplate::report
