#include "agent/report/gather.h"

#include <algorithm>
#include <ctime>
#include <set>

#include "agent/report/json.h"
#include "agent/report/k3s_start.h"
#include "agent/report/verdict.h"
#include "tuning/bench/bench.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::report {
namespace {

constexpr std::int64_t kDayUs = 86'400'000'000;
constexpr std::size_t kDriftLimit = 1000;
constexpr std::size_t kContestLimit = 10'000;
constexpr std::size_t kPendingChangesLimit = 1000;

bool isSysctl(plan::Action action) {
  return action == plan::Action::setSysctl || action == plan::Action::restoreSysctl ||
         action == plan::Action::releaseSysctl;
}

bool isFile(plan::Action action) { return !isSysctl(action) && action != plan::Action::loadModule; }

// The beginning of the local day: what an operator means by "today".
std::int64_t midnightUs(std::int64_t nowUs) {
  const std::time_t now = static_cast<std::time_t>(nowUs / 1'000'000);
  std::tm parts{};
  if (::localtime_r(&now, &parts) == nullptr) return nowUs - 86'400'000'000;
  parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
  parts.tm_isdst = -1;
  return static_cast<std::int64_t>(::mktime(&parts)) * 1'000'000;
}

// Takes what a failed read of the state leaves: the value from before, and a warning that says so.
template <class T, class Use>
void take(Status& status, const host::Result<T>& result, Use use) {
  if (result)
    use(*result);
  else if (std::find(status.warnings.begin(), status.warnings.end(), result.error().text()) == status.warnings.end())
    status.warnings.push_back(result.error().text());
}

void fromConfig(const Inputs& in, Status& status) {
  if (in.config == nullptr || !in.config->configured()) {
    status.mode = "unconfigured";
    return;
  }
  const auto& repository = in.config->repository;
  status.mode = in.config->node.mode == config::Mode::enforce ? "enforce" : "observe";
  status.source.url = repository.url;
  status.source.branch = repository.branch;
  status.source.signatures = in.config->trust.signatures;
  status.source.path = repository.path;
  // An operator's word first, then what was latched (fromState), then what can be found out.
  if (in.files != nullptr) {
    if (const auto node = apply::identify(*in.config, *in.files)) {
      status.node = {node->name, node->role, node->cluster};
      return;
    }
  }
  if (!in.config->node.name.empty()) status.node.name = in.config->node.name;
  if (in.config->node.role != "auto") status.node.role = in.config->node.role;
  if (!in.config->node.cluster.empty()) status.node.cluster = in.config->node.cluster;
}

// Adds what failed and is not listed yet.
void addFailures(const std::vector<apply::Outcome>& outcomes, Status& status) {
  for (const auto& outcome : outcomes) {
    if (!outcome.error) continue;
    auto& list = isFile(outcome.change.action) ? status.k3s.failed : status.tuning.failed;
    const KeyProblem problem{shownSubject(outcome.change), outcome.error->why, outcome.error->reason};
    const bool known =
        std::any_of(list.begin(), list.end(), [&](const KeyProblem& one) { return one.subject == problem.subject; });
    if (!known) list.push_back(problem);
  }
}

void readPending(const std::vector<plan::Pending>& pending, Status& status) {
  status.tuning.pending.clear();
  for (const auto& one : pending) {
    // A module's name holds no separator; a key does.
    const bool key = one.subject.find('/') != std::string::npos;
    status.tuning.pending.push_back({key ? sysctl::dotted(one.subject) : one.subject, one.why});
  }
}

void fromGenerations(apply::Store& store, Status& status) {
  auto& generation = status.generation;
  take(status, store.latest(apply::GenerationState::applied, apply::Store::With::noOutcomes), [&](const auto& applied) {
    generation.inForce = applied ? applied->number : 0;
    if (!applied) return;
    if (status.source.commit != applied->commit) status.source.committedUs = 0;
    status.source.commit = applied->commit;
    status.source.subject = applied->subject;
  });
  std::int64_t newest = 0;
  take(status, store.history(1), [&](const auto& list) { newest = list.empty() ? 0 : list.front().number; });
  if (newest == 0) {
    generation.number = 0;
    return;
  }
  take(status, store.generation(newest, apply::Store::With::failures), [&](const auto& found) {
    if (!found) return;
    generation.number = found->number;
    generation.commit = found->commit;
    generation.state = apply::name(found->state);
    generation.why = found->why;
    generation.finishedUs = found->finishedUs;
    generation.changes = found->changes;
    const std::int64_t took = found->finishedUs > found->startedUs ? found->finishedUs - found->startedUs : 0;
    generation.seconds = static_cast<double>(took) / 1e6;
    status.tuning.failed.clear();
    status.k3s.failed.clear();
    addFailures(found->outcomes, status);
  });
}

void fromHeld(apply::Store& store, Status& status) {
  take(status, store.sharedHeld(), [&](const auto& held) {
    status.tuning.held = static_cast<std::int64_t>(held->sysctls.size());
    status.k3s.configFiles = status.k3s.manifests = 0;
    for (const auto& [path, original] : held->files)
      ++(original.area == plan::Area::manifest ? status.k3s.manifests : status.k3s.configFiles);
  });
}

// Whether what was found wrong and left alone has come right since: somebody may have put it back by hand.
bool nowRight(const apply::DriftEvent& event, host::Files* files) {
  if (files == nullptr || event.kind != "sysctl") return false;
  const auto value = sysctl::Tree(*files).read(event.subject);
  return value && *value == event.to;
}

// As the Keeper sees it: right for as long as a contest takes to begin, and without us.
bool givenUp(const apply::Contest& contest, const Inputs& in) {
  if (in.files == nullptr || contest.kind != "sysctl") return false;
  if (in.nowUs - contest.sinceUs < apply::Contests::kWindowUs) return false;
  const auto value = sysctl::Tree(*in.files).read(contest.subject);
  return value && *value == contest.wanted;
}

void fromDrift(const Inputs& in, Status& status) {
  auto& drift = status.drift;
  take(status, in.store->driftCount(midnightUs(in.nowUs)), [&](std::int64_t today) { drift.today = today; });
  take(status, in.store->driftCount(0), [&](std::int64_t total) { drift.total = total; });
  take(status, in.store->drift(0, 1),
       [&](const auto& last) { drift.last = last.empty() ? std::nullopt : std::optional(last.front()); });
  const std::int64_t oldest = in.nowUs - apply::Contests::kTruceUs - apply::Contests::kWindowUs;
  take(status, in.store->drift(std::max(status.generation.finishedUs, oldest), kContestLimit), [&](const auto& events) {
    drift.contested = apply::contestsOf(events).all(in.nowUs);
    std::erase_if(drift.contested, [&](const apply::Contest& contest) { return givenUp(contest, in); });
  });
  // What was left alone since the current generation: the newest word on each thing counts.
  take(status, in.store->drift(status.generation.finishedUs, kDriftLimit), [&](const auto& events) {
    drift.unrepaired.clear();
    const auto contested = [&](const std::string& subject) {
      return std::any_of(drift.contested.begin(), drift.contested.end(),
                         [&](const apply::Contest& contest) { return contest.subject == subject; });
    };
    std::set<std::string> seen;
    for (const apply::DriftEvent& event : events)
      if (seen.insert(event.subject).second && !event.repaired && !contested(event.subject) &&
          !nowRight(event, in.files))
        drift.unrepaired.push_back({shownSubject(event), "is " + event.from + ", should be " + event.to});
  });
}

// What `bedplate bench disk` left, when it is a result.
std::optional<std::string> measuredByHand(host::Files& files, std::int64_t nowUs) {
  constexpr std::size_t kLimit = 64 << 10;
  auto text = files.read(diskResultPath(), kLimit);
  if (!text || bench::summary(*text, nowUs).empty()) return std::nullopt;
  return std::move(*text);
}

void fromK3s(const Inputs& in, apply::Store& store, Status& status) {
  static const std::optional<apply::K3sNews> kNothing;
  const auto& last = in.k3s != nullptr ? *in.k3s : kNothing;
  take(status, apply::k3sShown(store, last, in.k3sHeldBack), [&](const auto& shown) { status.k3s.restart = shown; });
  // Before the first look the times of files and of K3s's start have to do.
  if (last)
    status.k3s.restartNeeded = status.k3s.restart.state == "waiting";
  else if (in.files != nullptr)
    status.k3s.restartNeeded = k3sRestartNeeded(*in.files, store, status.node.role);
}

void fromState(const Inputs& in, Status& status) {
  apply::Store& store = *in.store;
  if (!store.repairNote().empty()) status.warnings.push_back(store.repairNote());
  if (status.node.name.empty() || status.node.role.empty())
    take(status, store.latch(), [&](const auto& latch) {
      if (latch) status.node = {latch->name, latch->role, latch->cluster};
    });
  fromGenerations(store, status);
  fromHeld(store, status);
  fromDrift(in, status);
  take(status, store.suspension(), [&](const auto& suspension) {
    const bool over = suspension && suspension->untilUs != 0 && suspension->untilUs <= in.nowUs;
    status.suspended = over ? std::nullopt : suspension;
  });
  take(status, store.hold(), [&](const auto& hold) {
    status.hold = hold
                      ? "rolled back by hand; stays until " + status.source.path + " changes in Git, or bedplate resume"
                      : std::string();
  });
  // The newest of what these probes found.
  const auto newest = [&](std::initializer_list<const char*> probes, std::optional<std::string>& out) {
    std::int64_t newestUs = 0;
    out.reset();
    for (const char* probe : probes)
      take(status, store.samples(probe, 0, 1), [&](const auto& samples) {
        if (samples.empty() || samples.front().wallUs < newestUs) return;
        newestUs = samples.front().wallUs;
        out = samples.front().json;
      });
  };
  newest({"disk", "etcd"}, status.disk);
  newest({"steal"}, status.steal);
  take(status, store.commits(in.nowUs - apply::kLatencyDays * kDayUs, apply::kLatencyCommits),
       [&](const auto& commits) {
         status.syncLatency.summary = apply::summarise(commits);
         if (!commits.empty()) status.syncLatency.last = commits.front();
       });
  fromK3s(in, store, status);
}

void fromSync(const Inputs& in, Status& status) {
  const apply::SyncResult& sync = *in.sync;
  status.source.problem = sync.problem;
  status.source.unverified = sync.unverified;
  // A hold is an operator's wish, and has its own line.
  if (sync.problem && sync.problem->reason == "Held") status.source.problem.reset();
  if (!sync.head.empty()) status.source.head = sync.head;
  if (sync.commit) {
    const std::string commit = sync.commit->id.hex();
    if (status.source.commit.empty() || status.source.commit == commit) {
      status.source.commit = commit;
      status.source.subject = sync.commit->subject;
      status.source.committedUs = sync.commit->committed * 1'000'000;
    }
  }
  if (!sync.layers.empty()) status.layers = sync.layers;
  for (const auto& finding : sync.findings)
    if (finding.severity == cluster::Severity::warning) status.warnings.push_back(cluster::text(finding));
  if (sync.plan) {
    status.pendingChanges.clear();
    readPending(sync.plan->pending, status);
    if (!sync.applied) status.pendingChanges = sync.plan->changes;
    if (status.pendingChanges.size() > kPendingChangesLimit) status.pendingChanges.resize(kPendingChangesLimit);
  }
}

void fromRun(const apply::RunResult& run, Status& status) {
  // The generation's outcomes say what still fails; a repair may add to them, its silence takes nothing away.
  addFailures(run.outcomes, status);
  readPending(run.pending, status);
  if (!run.note.empty()) status.warnings.push_back(run.note);
}

// Beyond the age that the operator set, silence is a problem of its own.
void checkAge(const Inputs& in, Status& status) {
  const std::int64_t limitMs = in.config->trust.maximumAgeMs;
  const std::int64_t contactUs = status.source.contactUs;
  if (limitMs == 0) return;
  const auto old = [&](std::int64_t us) { return us != 0 && in.nowUs - us > limitMs * 1000; };
  if (old(contactUs)) {
    host::Error error{"TooOld", 0, status.source.url, "the last answer is older than maximum-age allows", ""};
    error.todo = status.source.problem ? status.source.problem->text() : "see why the remote does not answer";
    status.source.problem = std::move(error);
  } else if (old(status.source.committedUs) && !status.source.problem) {
    // Who answers, and keeps new commits back, is not known by its silence.
    status.source.problem = host::Error{"CommitTooOld", 0, "commit " + status.source.commit.substr(0, 7),
                                        "is the newest that was verified, and older than maximum-age allows",
                                        "push a commit; if there is one, somebody keeps it from this node"};
  }
}

Status carried(const Status* before) {
  if (before == nullptr) return {};
  Status status = *before;
  status.conditions.clear();
  status.warnings.clear();
  return status;
}

}  // namespace

Status gather(const Inputs& in, const Status* before) {
  Status status = carried(before);
  status.version = BEDPLATE_VERSION;
  status.writtenUs = in.nowUs;
  status.startedUs = in.startedUs;
  fromConfig(in, status);
  if (in.store != nullptr) fromState(in, status);
  if (in.disk != nullptr) status.disk = *in.disk;
  // A day of rounds says more than one run.
  const std::string verdict = measuredFrom(status.disk).verdict;
  if (in.files != nullptr && (in.disk == nullptr || verdict.empty() || verdict == "unknown"))
    if (auto result = measuredByHand(*in.files, in.nowUs)) status.disk = std::move(result);
  if (in.sync != nullptr) fromSync(in, status);
  if (in.contactUs > 0) status.source.contactUs = in.contactUs;
  const std::int64_t checked = std::max(in.checkedUs, in.contactUs);
  if (checked > 0) status.source.checkedUs = checked;
  status.source.nextUs = in.nextUs;
  const bool observing = status.mode == "observe";
  if (in.lastRun != nullptr && !observing) fromRun(*in.lastRun, status);
  // A plan belongs to the mode it was made in.
  if (!observing && (in.sync == nullptr || in.sync->applied)) status.pendingChanges.clear();
  if (status.mode != "unconfigured") checkAge(in, status);
  if (in.deployed != nullptr) status.k3s.deployed = *in.deployed;
  if (in.headroom != nullptr) status.headroom = *in.headroom;
  if (status.headroom)
    for (auto& warning : headroomWarnings(*status.headroom)) status.warnings.push_back(std::move(warning));
  judge(status, before);
  return status;
}

}  // namespace bedplate::report
