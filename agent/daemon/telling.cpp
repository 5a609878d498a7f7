#include <fmt/format.h>

#include "agent/daemon/engine.h"
#include "agent/report/json.h"

namespace bedplate::daemon {
namespace {

// So that a broken directory of 10,000 files is not 10,000 entries a minute; the status has them all.
constexpr std::size_t kMostLines = 50;

}  // namespace

void Engine::tellError(const std::string& topic, const std::string& doing, const host::Error& error) {
  const Entry entry = entryFor(Level::warning, doing, error);
  if (repeats_.worthSaying(topic, entry.message, setup_.clock.monotonicNs())) setup_.journal.say(entry);
}

void Engine::tellSync(const apply::SyncResult& result) {
  if (result.problem) {
    tellError("sync", "cannot reconcile", *result.problem);
  } else if (repeats_.over("sync")) {
    setup_.journal.say({.level = Level::notice, .message = "reconciling works again", .reason = "Recovered"});
  }
  const std::string commit = result.commit ? result.commit->id.hex() : std::string();
  if (!result.unchanged) {
    std::size_t lines = 0;
    for (const auto& finding : result.findings)
      if (finding.severity != cluster::Severity::note && lines++ < kMostLines)
        setup_.journal.say(
            {.level = Level::warning, .message = cluster::text(finding), .commit = commit, .reason = "Finding"});
  }
  if (result.applied) {
    tellRun(*result.applied, "applied");
  } else if (result.plan && !result.plan->changes.empty()) {
    const std::string text = fmt::format("would make {} changes; observing only", result.plan->changes.size());
    if (repeats_.worthSaying("observe", commit + text, setup_.clock.monotonicNs()))
      setup_.journal.say({.level = Level::notice, .message = text, .commit = commit, .reason = "Observing"});
  }
}

void Engine::tellRun(const apply::RunResult& run, const std::string& cause) {
  if (!run.generation) return tellRepair(run);
  std::string commit;
  std::string subject;
  if (auto row = store_->generation(*run.generation, apply::Store::With::noOutcomes); row && *row) {
    commit = (*row)->commit;
    subject = (*row)->subject;
  }
  std::string text = fmt::format("{} generation {}", cause, *run.generation);
  if (!commit.empty()) text += fmt::format(" of commit {} ({})", commit.substr(0, 7), subject);
  text += fmt::format(": {} {}", run.outcomes.size(), run.outcomes.size() == 1 ? "change" : "changes");
  if (!run.note.empty()) text += "; " + run.note;
  setup_.journal.say({.level = run.undone ? Level::warning : Level::notice,
                      .message = text,
                      .commit = commit,
                      .generation = *run.generation,
                      .reason = run.undone ? "Undone" : "Applied"});
  apply::RunResult changes;
  changes.outcomes = run.outcomes;
  tellRepair(changes);
}

void Engine::tellDrift(const apply::RunResult& run) {
  std::size_t lines = 0;
  for (const auto& event : run.drifts) {
    if (event.repaired) ++(event.kind == "sysctl" ? counters_.sysctlRepairs : counters_.fileRepairs);
    if (++lines > kMostLines) continue;
    const std::string subject = report::shownSubject(event);
    setup_.journal.say({.level = Level::notice,
                        .message = fmt::format("{}: {} -> {}{}, written by {}", subject, event.from, event.to,
                                               event.repaired ? "" : " wanted, left as it is", event.writer),
                        .key = subject,
                        .reason = event.repaired ? "DriftRepaired" : "DriftLeft",
                        .found = event.from,
                        .wanted = event.to,
                        .writer = event.writer});
  }
  for (const auto& contest : run.contested) {
    const std::string subject = report::shownSubject(contest);
    setup_.journal.say({.level = Level::warning,
                        .message = subject + ": contested: " + report::whyContested(contest),
                        .key = subject,
                        .reason = "Contested",
                        .found = contest.value,
                        .wanted = contest.wanted,
                        .writer = contest.writer});
  }
}

// The single changes. Drift is news each time; a key that the kernel keeps refusing is not.
void Engine::tellRepair(const apply::RunResult& run) {
  tellDrift(run);
  std::set<std::string> told;
  for (const auto& event : run.drifts)
    if (event.repaired) told.insert(event.subject);
  if (!run.note.empty() && repeats_.worthSaying("note", run.note, setup_.clock.monotonicNs()))
    setup_.journal.say({.level = Level::notice, .message = run.note, .reason = "Note"});
  std::size_t lines = 0;
  for (const auto& outcome : run.outcomes) {
    const auto& change = outcome.change;
    const std::string subject = report::shownSubject(change);
    const std::string topic = "change " + subject;
    if (!outcome.error && told.contains(change.subject)) {
      repeats_.over(topic);
      continue;
    }
    if (++lines > kMostLines) break;
    if (outcome.error) {
      Entry entry = entryFor(Level::warning, subject, *outcome.error);
      entry.key = subject;
      if (repeats_.worthSaying(topic, entry.message, setup_.clock.monotonicNs())) setup_.journal.say(entry);
      continue;
    }
    repeats_.over(topic);
    setup_.journal.say({.level = Level::notice,
                        .message = fmt::format("{}: {} -> {}", subject, change.from, change.to),
                        .key = subject,
                        .reason = plan::name(change.action)});
  }
}

}  // namespace bedplate::daemon
