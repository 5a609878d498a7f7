// From facts to conditions and an exit status, with the meaning kstatus gives to Ready, Reconciling and Stalled.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "agent/report/json.h"
#include "agent/report/report.h"
#include "agent/report/restart_line.h"
#include "agent/report/text.h"
#include "agent/report/verdict.h"

namespace bedplate::report {
namespace {

constexpr std::int64_t kMinute = 60'000'000;

Condition make(std::string type, std::string status, std::string reason, std::string message) {
  return Condition{std::move(type), std::move(status), std::move(reason), std::move(message), 0};
}

// Problems that pass by themselves: the agent tries again, nobody is needed.
bool transient(std::string_view reason) {
  constexpr std::array<std::string_view, 4> kTransient = {"RemoteUnreachable", "Timeout", "WorkerFailed", "Busy"};
  return std::find(kTransient.begin(), kTransient.end(), reason) != kTransient.end();
}

// Problems that say nothing against the commit that was seen.
bool ofTheNode(std::string_view reason) {
  constexpr std::array<std::string_view, 9> kNode = {"RoleUnknown", "IdentityChanged", "TakenBack", "Held", "NoSpace",
                                                     "ReadOnly",    "StateFailed",     "Io",        "Busy"};
  return std::find(kNode.begin(), kNode.end(), reason) != kNode.end();
}

std::string first(const std::vector<KeyProblem>& problems) {
  std::string text = problems.front().subject + ": " + problems.front().why;
  if (problems.size() > 1) text += " (and " + std::to_string(problems.size() - 1) + " more)";
  return text;
}

std::string first(const std::vector<apply::Contest>& contests) {
  std::vector<KeyProblem> problems;
  problems.reserve(contests.size());
  for (const auto& contest : contests) problems.push_back({shownSubject(contest), whyContested(contest)});
  return first(problems);
}

// A key that was taken back because the node was no longer reached.
const KeyProblem* cutOff(const Status& status) {
  const auto& failed = status.tuning.failed;
  const auto found = std::find_if(failed.begin(), failed.end(), [](const auto& one) { return one.reason == "CutOff"; });
  return found == failed.end() ? nullptr : &*found;
}

bool k3sWentBack(const Status& status) {
  const std::string& state = status.k3s.restart.state;
  return state == "rolled-back" || state == "going-back" || state == "failed";
}

bool somethingInForce(const Status& status) { return status.generation.inForce > 0; }
bool unconfigured(const Status& status) { return status.mode == "unconfigured"; }
bool observing(const Status& status) { return status.mode == "observe"; }

Condition stalled(const Status& status) {
  if (status.source.problem && !transient(status.source.problem->reason))
    return make("Stalled", "True", status.source.problem->reason, status.source.problem->text());
  return make("Stalled", "False", "NotStalled", "");
}

Condition reconciling(const Status& status) {
  if (status.suspended) return make("Reconciling", "False", "Suspended", status.suspended->reason);
  if (unconfigured(status)) return make("Reconciling", "False", "Unconfigured", "");
  if (status.generation.state == "applying")
    return make("Reconciling", "True", "Applying", "generation " + std::to_string(status.generation.number));
  if (status.source.problem && transient(status.source.problem->reason))
    return make("Reconciling", "True", "Retrying", status.source.problem->text());
  if (!status.source.problem && status.source.checkedUs == 0)
    return make("Reconciling", "True", "Starting", "the remote was not asked yet");
  return make("Reconciling", "False", "Idle", "");
}

// The first manifest in this state; null when there is none.
const ManifestState* firstIn(const Status& status, std::string_view state) {
  if (!status.k3s.deployed) return nullptr;
  const auto& open = status.k3s.deployed->open;
  const auto found = std::find_if(open.begin(), open.end(), [&](const auto& one) { return one.state == state; });
  return found == open.end() ? nullptr : &*found;
}

std::string text(const ManifestState& manifest) {
  return manifest.file + ": " + (manifest.reason.empty() ? "" : manifest.reason + ": ") + manifest.message;
}

Condition ready(const Status& status, const Condition& stall, const Condition& busy) {
  const auto no = [](std::string reason, std::string message) {
    return make("Ready", "False", std::move(reason), std::move(message));
  };
  if (stall.status == "True") return no(stall.reason, stall.message);
  if (unconfigured(status)) return make("Ready", "Unknown", "Unconfigured", "no repository is configured");
  if (const auto* key = cutOff(status)) return no("CutOff", key->subject + ": " + key->why);
  if (!status.tuning.failed.empty()) return no("KeysFailed", first(status.tuning.failed));
  if (!status.k3s.failed.empty()) return no("FilesFailed", first(status.k3s.failed));
  if (status.generation.state == "rolled-back") return no("RolledBack", status.generation.why);
  if (k3sWentBack(status)) return no("K3s" + status.k3s.restart.reason, restartLine(status));
  if (busy.reason == "Applying") return no("Applying", busy.message);
  if (!status.pendingChanges.empty() && observing(status))
    return no("Observing", count(static_cast<std::int64_t>(status.pendingChanges.size()), "change") + " not made");
  if (!somethingInForce(status) && !observing(status)) return no("NothingApplied", busy.message);
  if (status.source.checkedUs == 0 && observing(status)) return no("NotChecked", busy.message);
  if (const auto* failing = firstIn(status, "failing")) return no("ManifestsFailing", text(*failing));
  if (const auto* held = firstIn(status, "held")) return no("ManifestsHeld", text(*held));
  if (!status.drift.contested.empty()) return no("Contested", first(status.drift.contested));
  if (!status.drift.unrepaired.empty()) return no("Drifted", first(status.drift.unrepaired));
  if (status.source.problem) return make("Ready", "True", "LastGoodInForce", status.source.problem->text());
  return make("Ready", "True", "InForce", "the node is as Git says");
}

Condition sourceVerified(const Status& status) {
  const auto& source = status.source;
  if (source.problem && !ofTheNode(source.problem->reason)) {
    // A remote that does not answer takes nothing away from what was verified before.
    return make("SourceVerified", "False", source.problem->reason, source.problem->text());
  }
  if (source.unverified) return make("SourceVerified", "False", source.unverified->reason, source.unverified->text());
  if (source.checkedUs == 0 || source.head.empty())
    return make("SourceVerified", "Unknown", "NotChecked", "the remote was not asked yet");
  return make("SourceVerified", "True", "Verified",
              source.branch + "@" + source.head.substr(0, 7) +
                  (source.signatures == "off" ? "; signatures are not asked for" : ""));
}

bool concernsTuning(const plan::Change& change) {
  return change.action == plan::Action::setSysctl || change.action == plan::Action::loadModule ||
         change.action == plan::Action::restoreSysctl || change.action == plan::Action::releaseSysctl;
}

bool isManifest(const std::string& path) { return path.find("/manifests/") != std::string::npos; }

enum class Part { tuning, config, manifests };

bool concerns(Part part, const plan::Change& change) {
  if (concernsTuning(change)) return part == Part::tuning;
  return part == (isManifest(change.subject) ? Part::manifests : Part::config);
}

// What tuning, configuration and manifests have in common.
Condition applied(const Status& status, const char* type, Part part, const std::vector<KeyProblem>& failed,
                  std::string reason, std::string message) {
  if (!failed.empty()) return make(type, "False", "Failed", first(failed));
  const auto waiting = std::count_if(status.pendingChanges.begin(), status.pendingChanges.end(),
                                     [&](const plan::Change& change) { return concerns(part, change); });
  if (waiting > 0) return make(type, "False", "Pending", count(waiting, "change") + " not made");
  if (!somethingInForce(status) && !observing(status)) return make(type, "Unknown", "NothingApplied", "");
  return make(type, "True", std::move(reason), std::move(message));
}

Condition tuned(const Status& status) {
  const auto& tuning = status.tuning;
  if (!tuning.pending.empty() && tuning.failed.empty())
    return applied(status, "Tuned", Part::tuning, tuning.failed, "SomePending", first(tuning.pending));
  return applied(status, "Tuned", Part::tuning, tuning.failed, "Held", count(tuning.held, "key") + " held");
}

Condition driftFree(const Status& status) {
  if (!status.drift.contested.empty()) return make("DriftFree", "False", "Contested", first(status.drift.contested));
  if (!status.drift.unrepaired.empty()) return make("DriftFree", "False", "Drifted", first(status.drift.unrepaired));
  if (!somethingInForce(status)) return make("DriftFree", "Unknown", "NothingApplied", "");
  return make("DriftFree", "True", "AsApplied", count(status.drift.today, "time") + " put back today");
}

std::vector<KeyProblem> failedFiles(const Status& status, bool manifests) {
  std::vector<KeyProblem> found;
  for (const auto& problem : status.k3s.failed)
    if (isManifest(problem.subject) == manifests) found.push_back(problem);
  return found;
}

Condition k3sConfigured(const Status& status) {
  const auto failed = failedFiles(status, false);
  if (failed.empty() && !status.k3s.restart.state.empty() && status.k3s.restart.state != "waiting")
    return make("K3sConfigured", "False", status.k3s.restart.reason, restartLine(status));
  if (failed.empty() && status.k3s.restartNeeded)
    return make("K3sConfigured", "False", "RestartNeeded", restartLine(status));
  return applied(status, "K3sConfigured", Part::config, failed, "Placed", count(status.k3s.configFiles, "file"));
}

Condition manifestsApplied(const Status& status) {
  const auto failed = failedFiles(status, true);
  const auto& deployed = status.k3s.deployed;
  // Without K3s's word True says that the files are where K3s takes them from.
  Condition placed = applied(status, "ManifestsApplied", Part::manifests, failed, "Placed",
                             count(status.k3s.manifests, "manifest") + " placed for K3s");
  if (placed.status != "True" || !deployed) return placed;
  if (const auto* one = firstIn(status, "failing")) return make("ManifestsApplied", "False", "Failing", text(*one));
  if (const auto* one = firstIn(status, "held")) return make("ManifestsApplied", "False", "Held", text(*one));
  if (!deployed->problem.empty() || deployed->askedUs == 0) return placed;
  const std::int64_t accepted = deployed->count("accepted");
  std::int64_t all = 0;
  for (const auto& [state, number] : deployed->counts) all += number;
  if (!deployed->open.empty()) return make("ManifestsApplied", "False", "Progressing", text(deployed->open.front()));
  if (accepted < all)
    return make("ManifestsApplied", "False", "Progressing",
                count(all - accepted, "manifest") + " not taken by K3s yet");
  return make("ManifestsApplied", "True", "Accepted", count(accepted, "manifest") + " deployed by K3s");
}

Condition fit(const char* type, const std::optional<std::string>& json) {
  const Measured measured = measuredFrom(json);
  if (measured.verdict == "fit") return make(type, "True", "Fit", measured.reason);
  if (measured.verdict == "marginal") return make(type, "True", "Marginal", measured.reason);
  if (measured.verdict == "unfit") return make(type, "False", "Unfit", measured.reason);
  return make(type, "Unknown", json ? "Unmeasurable" : "NotMeasured", measured.reason);
}

const Condition* find(const Status* status, const std::string& type) {
  if (status == nullptr) return nullptr;
  for (const auto& one : status->conditions)
    if (one.type == type) return &one;
  return nullptr;
}

bool is(const Status& status, const char* type, std::string_view value) {
  const Condition* condition = find(&status, type);
  return condition != nullptr && condition->status == value;
}

bool reasonIs(const Status& status, const char* type, std::string_view reason) {
  const Condition* condition = find(&status, type);
  return condition != nullptr && condition->reason == reason;
}

// Three rounds and a minute without news: whatever it says, it does not know any more.
bool tooOld(const Status& status, std::int64_t nowUs) {
  const auto& source = status.source;
  std::int64_t interval = kMinute;
  if (source.nextUs > source.checkedUs && source.checkedUs > 0)
    interval = std::max(interval, std::min(source.nextUs - source.checkedUs, 24 * 60 * kMinute));
  return nowUs > status.writtenUs && nowUs - status.writtenUs > 3 * interval + kMinute;
}

bool critical(const Status& status) {
  if (is(status, "Stalled", "True") || !status.tuning.failed.empty() || !status.k3s.failed.empty()) return true;
  if (status.generation.state == "rolled-back" || k3sWentBack(status)) return true;
  if (is(status, "CpuFit", "False")) return true;
  // Agents keep no etcd: a slow disk is a nuisance there.
  if (is(status, "DiskFit", "False") && status.node.role != "agent") return true;
  return !is(status, "Ready", "True") && reasonIs(status, "Ready", "NothingApplied") &&
         !is(status, "Reconciling", "True");
}

}  // namespace

void judge(Status& status, const Status* before) {
  const Condition stall = stalled(status);
  const Condition busy = reconciling(status);
  status.conditions = {ready(status, stall, busy),
                       busy,
                       stall,
                       sourceVerified(status),
                       tuned(status),
                       driftFree(status),
                       k3sConfigured(status),
                       manifestsApplied(status),
                       fit("DiskFit", status.disk),
                       fit("CpuFit", status.steal)};
  for (auto& condition : status.conditions) {
    const Condition* old = find(before, condition.type);
    const bool same = old != nullptr && old->status == condition.status && old->sinceUs > 0;
    condition.sinceUs = same ? old->sinceUs : status.writtenUs;
  }
}

int exitStatus(const Status& status, std::int64_t nowUs, bool daemonAlive) {
  if (!daemonAlive || tooOld(status, nowUs) || is(status, "Ready", "Unknown")) return 3;
  if (find(&status, "Ready") == nullptr) return 3;
  if (critical(status)) return 2;
  const bool warning = !is(status, "Ready", "True") || status.suspended || status.source.problem ||
                       status.source.unverified || !status.hold.empty() || !status.drift.unrepaired.empty() ||
                       !status.drift.contested.empty() || status.k3s.restartNeeded || !status.pendingChanges.empty() ||
                       reasonIs(status, "DiskFit", "Marginal") || is(status, "DiskFit", "False") ||
                       reasonIs(status, "CpuFit", "Marginal") || (status.headroom && tight(*status.headroom));
  return warning ? 1 : 0;
}

}  // namespace bedplate::report
