// What an operator and a machine get to see: the status, the history, the metrics. Made from plain values.
//
// The JSON keys are stable and documented in docs/status.md. Nothing secret is in here: no file contents, no keys.
// Thread-safety: plain values and free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/apply/k3s_care.h"
#include "agent/apply/store.h"
#include "agent/plan/plan.h"
#include "agent/report/counters.h"
#include "agent/report/headroom.h"
#include "agent/report/manifests.h"
#include "tuning/host/result.h"

namespace bedplate::report {

// As kstatus has them: status "True", "False" or "Unknown"; reason one CamelCase word.
struct Condition {
  std::string type, status, reason, message;
  std::int64_t sinceUs = 0;
};

struct KeyProblem {
  std::string subject;  // dotted key, path, module
  std::string why;
  std::string reason = {};  // of what failed: "CutOff", "Invalid", ...
};

struct Status {
  std::string version;
  std::int64_t writtenUs = 0;
  std::int64_t startedUs = 0;  // of the daemon; 0 without one
  struct {
    std::string name, role, cluster;
  } node;
  std::string mode;  // "observe" | "enforce" | "unconfigured"
  struct {
    std::string url, branch, path;
    std::string commit, subject;  // in force
    std::string head;             // last seen on the remote
    std::int64_t checkedUs = 0, nextUs = 0, contactUs = 0, committedUs = 0;
    std::string signatures;                 // "require" | "warn" | "off"
    std::optional<host::Error> unverified;  // what is not signed as it must be
    std::optional<host::Error> problem;
  } source;
  std::vector<std::string> layers;
  struct {
    std::int64_t number = 0;   // the newest
    std::int64_t inForce = 0;  // the newest applied; another one when the newest was taken back; 0: none
    std::string commit, state, why;
    std::int64_t finishedUs = 0;
    std::int64_t changes = 0;
    double seconds = 0;
  } generation;
  struct {
    std::int64_t held = 0;
    std::vector<KeyProblem> pending, failed;
  } tuning;
  struct {
    std::int64_t today = 0, total = 0;
    std::optional<apply::DriftEvent> last;
    std::vector<KeyProblem> unrepaired;
    std::vector<apply::Contest> contested;  // left alone: somebody else keeps rewriting it
  } drift;
  struct {
    std::int64_t configFiles = 0, manifests = 0;
    std::vector<KeyProblem> failed;
    bool restartNeeded = false;          // K3s's configuration changed since K3s started
    std::optional<Deployment> deployed;  // what became of the manifests; unset until it was looked at
    apply::K3sShown restart;             // why it is not restarted, or how the last restart ended
  } k3s;
  struct {
    std::optional<apply::LatencySummary> summary;  // of the last kLatencyDays
    std::optional<apply::CommitTimes> last;        // the newest commit that was seen
  } syncLatency;
  std::vector<plan::Change> pendingChanges;  // in observe mode, or held back
  std::optional<apply::Suspension> suspended;
  std::string hold;                        // "" or what is held and until when
  std::optional<std::string> disk, steal;  // JSON of the last results of tuning/bench
  std::optional<Headroom> headroom;        // of the daemon's last sample
  std::vector<Condition> conditions;
  std::vector<std::string> warnings;  // of the cluster directory and of the host
};

std::string toJson(const Status& status);
// With every manifest, as k3s.deployed.manifests.
std::string toJson(const Status& status, const std::vector<ManifestState>& manifests);
host::Result<Status> fromJson(const std::string& text);

// 0 ok, 1 warning, 2 critical, 3 unknown (design section 7). `nowUs` decides whether a status is too old to believe.
int exitStatus(const Status& status, std::int64_t nowUs, bool daemonAlive);

// Fills status.conditions from the rest of it; a condition that stays as it was keeps its `since` from `before`.
void judge(Status& status, const Status* before);

struct Screen {
  int columns = 80;
  bool colour = false;
  std::int64_t nowUs = 0;
  bool daemonAlive = true;
  std::int64_t utcOffsetSeconds = 0;
};

// The screen of `bedplate status` (the shape in the README): at most 24 lines of at most `columns`.
std::string render(const Status& status, const Screen& screen);

// `bedplate history` and `bedplate show N`.
struct History {
  std::vector<apply::Generation> generations = {};
  std::vector<apply::DriftEvent> drift = {};
  std::vector<apply::CommitTimes> commits = {};
  std::vector<apply::Acceptance> acceptances = {};
};
std::string renderHistory(const History& history, const Screen& screen);
// What was there before this generation's keys and files were taken over: those that its target (null: not kept any
// more) asks for, and those of its changes.
struct Originals {
  plan::Held held;
  std::string bootId;  // the boot of now
};
Originals originalsOf(const apply::Generation& generation, const plan::Target* target, const plan::Held& held,
                      const std::string& bootId);
// `times` are those of its commit, when this generation was made of it.
std::string renderGeneration(const apply::Generation& generation, const Originals& originals,
                             const std::optional<apply::CommitTimes>& times, const Screen& screen);
std::string historyJson(const History& history);
std::string generationJson(const apply::Generation& generation, const Originals& originals,
                           const std::optional<apply::CommitTimes>& times);

// Prometheus text, names of design section 12 as far as they exist.
std::string metrics(const Status& status, const Counters& counters);

}  // namespace bedplate::report
