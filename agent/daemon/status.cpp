#include <fmt/format.h>

#include "agent/daemon/engine.h"
#include "agent/report/gather.h"
#include "agent/report/verdict.h"
#include "tuning/host/paths.h"

namespace bedplate::daemon {
namespace {

constexpr std::int64_t kJudgeDiskUs = std::int64_t{10} * 60'000'000;
constexpr std::size_t kStatusBytes = 16 << 20;

// The status without what changes by itself: equal ones need not be written or told again.
std::string comparable(report::Status status) {
  status.writtenUs = 0;
  status.source.checkedUs = status.source.nextUs = status.source.contactUs = 0;
  status.steal.reset();
  status.headroom.reset();
  status.disk.reset();
  if (status.k3s.deployed) status.k3s.deployed->askedUs = 0;
  return report::toJson(status);
}

}  // namespace

host::Status replaceUnflushed(host::Files& files, const std::string& path, const std::string& content) {
  const std::string temp = path + ".bedplate-new";
  BEDPLATE_TRY(files.makeDirectories(host::parentPath(path), 0755));
  static_cast<void>(files.remove(temp));
  BEDPLATE_TRY(files.create(temp, content, 0644, ::geteuid(), ::getegid()));
  auto renamed = files.rename(temp, path);
  if (!renamed) static_cast<void>(files.remove(temp));
  return renamed;
}

report::Status Engine::makeStatus() {
  if (!status_) {
    // What an earlier process knew: since when a condition holds, which head it saw.
    if (auto text = setup_.files.read(statusFile_, kStatusBytes))
      if (auto before = report::fromJson(*text)) status_ = std::move(*before);
  }
  // The day moves on, also without news.
  if (setup_.clock.wallUs() - diskJudgedUs_ > kJudgeDiskUs) judgeDisk();
  refreshManifests();
  report::Inputs inputs;
  inputs.deployed = deployment_ ? &*deployment_ : nullptr;
  inputs.disk = disk_ ? &*disk_ : nullptr;
  inputs.config = config_ && config_->configured() ? config_.get() : nullptr;
  inputs.store = store_.get();
  inputs.files = &setup_.files;
  inputs.sync = lastSync_ ? &*lastSync_ : nullptr;
  inputs.lastRun = lastRun_ ? &*lastRun_ : nullptr;
  inputs.headroom = headroom_ ? &*headroom_ : nullptr;
  inputs.k3s = care_ ? &care_->last() : nullptr;
  inputs.k3sHeldBack = k3sHeldBack_;
  inputs.nowUs = setup_.clock.wallUs();
  inputs.startedUs = startedUs_;
  inputs.nextUs = nextUs_;
  inputs.contactUs = contactUs_;
  inputs.checkedUs = checkedUs_;
  const report::Status* before = status_ ? &*status_ : nullptr;
  report::Status status = report::gather(inputs, before);
  addProblems(status);
  if (steal_) status.steal = steal_;
  // Until etcd was read long enough to judge, what was known before stays.
  if (etcd_ && (!status.disk || report::measuredFrom(etcd_).verdict != "unknown")) status.disk = etcd_;
  report::judge(status, before);
  return status;
}

void Engine::addProblems(report::Status& status) const {
  if (stateError_) status.source.problem = stateError_;
  for (const auto& problem : problems_)
    status.warnings.push_back((kept_ ? "not taken over: " : "") + config::text(problem));
  if (!problems_.empty() && !kept_)
    status.source.problem = host::Error{"InvalidConfiguration", 0, "", config::text(problems_.front()),
                                        "correct it; bedplated --check-config"};
}

void Engine::publish(const report::Status& status) {
  if (auto written = replaceUnflushed(setup_.files, statusFile_, facts_.statusJson); !written)
    tellError("status", "cannot write the status", written.error());
  else
    repeats_.over("status");
  if (!config_ || config_->report.metricsFile.empty()) return;
  if (auto written = replaceUnflushed(setup_.files, config_->report.metricsFile, report::metrics(status, counters_));
      !written)
    tellError("metrics", "cannot write the metrics", written.error());
  else
    repeats_.over("metrics");
}

void Engine::refresh(bool always) {
  report::Status status = makeStatus();
  std::string now = comparable(status);
  facts_.statusChanged = now != comparable_;
  comparable_ = std::move(now);
  if (facts_.statusChanged || always) {
    facts_.statusJson = report::toJson(status);
    publish(status);
  }
  facts_.configured = config_ && config_->configured();
  facts_.active = store_ && !status.suspended;
  facts_.suspendedUntilUs = status.suspended ? status.suspended->untilUs : 0;
  facts_.line = line(status);
  refreshK3s(status);
  facts_.measuring = measuring(status);
  refreshManaged();
  status_ = std::move(status);
}

void Engine::refreshManaged() {
  std::shared_ptr<const plan::Held> held;
  if (store_)
    if (auto now = store_->sharedHeld()) held = std::move(*now);
  std::vector<apply::Contest> contested;
  if (store_) contested = store_->notes().contests.all(setup_.clock.wallUs());
  if (held == managedOf_ && contested == contested_) return;
  const bool sameFiles = held == managedOf_;
  managedOf_ = held;
  contested_ = std::move(contested);
  // One who rewrites a key in a loop shall not wake us each time; the poll sees when it is given up.
  auto keys = std::make_shared<std::set<std::string>>();
  if (held)
    for (const auto& [key, original] : held->sysctls) keys->insert(keys->end(), key);
  for (const auto& contest : contested_) keys->erase(contest.subject);
  facts_.keys = std::move(keys);
  if (sameFiles) return;
  auto managed = std::make_shared<std::set<std::string>>();
  if (held)
    for (const auto& [path, original] : held->files) managed->insert(managed->end(), path);
  facts_.managed = std::move(managed);
}

std::string Engine::line(const report::Status& status) const {
  if (!problems_.empty() && !kept_) return "Waiting for a valid configuration: " + config::text(problems_.front());
  if (stateError_) return "State: " + stateError_->text();
  if (!facts_.configured)
    return "Not configured: set url and path in [repository] of " + setup_.files.shown(setup_.configPath);
  if (status.suspended) return "Suspended: " + status.suspended->reason;
  std::string text = status.mode == "observe" ? "Observing" : "Enforcing";
  if (status.generation.inForce > 0)
    text += fmt::format(" generation {} ({})", status.generation.inForce, status.source.commit.substr(0, 7));
  if (status.source.problem) text += "; " + status.source.problem->reason + ": " + status.source.problem->text();
  return text;
}

}  // namespace bedplate::daemon
