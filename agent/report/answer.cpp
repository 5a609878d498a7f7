#include "agent/report/answer.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/report/json.h"
#include "agent/report/text.h"

namespace bedplate::report {
namespace {

constexpr std::size_t kShown = 10;

void addLine(std::string& text, const std::string& line) {
  if (!text.empty()) text += '\n';
  text += line;
}

void addFailures(std::string& text, const apply::RunResult& run) {
  std::size_t failed = 0;
  for (const auto& outcome : run.outcomes) {
    if (!outcome.error || ++failed > kShown) continue;
    addLine(text, "  failed: " + shownSubject(outcome.change) + ": " + outcome.error->why);
  }
  if (failed > kShown) addLine(text, fmt::format("  and {} more", failed - kShown));
}

// Keys that can cut the node off are taken back together, and the rest stays.
bool tookBack(const apply::RunResult& run) {
  return std::any_of(run.outcomes.begin(), run.outcomes.end(),
                     [](const auto& outcome) { return outcome.error && outcome.error->reason == "CutOff"; });
}

std::string withReason(const host::Error& error) { return error.reason + ": " + error.text(); }

std::string errorsOf(const std::vector<cluster::Finding>& findings) {
  std::string text;
  std::size_t errors = 0;
  for (const auto& finding : findings) {
    if (finding.severity != cluster::Severity::error || ++errors > kShown) continue;
    addLine(text, "  " + cluster::text(finding));
  }
  if (errors > kShown) addLine(text, fmt::format("  and {} more: bedplate diff", errors - kShown));
  return text;
}

std::int64_t size(std::size_t number) { return static_cast<std::int64_t>(number); }

std::string changes(const apply::RunResult& run) {
  std::size_t failed = 0;
  for (const auto& outcome : run.outcomes) failed += outcome.error.has_value();
  std::string text = count(size(run.outcomes.size() - failed), "change");
  if (failed > 0) text += fmt::format(", {} failed", failed);
  return text;
}

Answer ofRun(const apply::RunResult& run, std::string headline) {
  Answer answer{run.failed() ? 1 : 0, std::move(headline)};
  if (run.undone || tookBack(run)) answer.exitStatus = 4;
  addFailures(answer.text, run);
  if (!run.note.empty()) addLine(answer.text, "  note: " + run.note);
  return answer;
}

}  // namespace

Answer answer(const host::Error& error) { return {error.reason == "TakenBack" ? 4 : 1, withReason(error)}; }

Answer answer(const apply::RunResult& result, const std::string& verb) {
  std::string headline = verb + ": " + changes(result);
  if (result.generation) headline += fmt::format(", generation {}", *result.generation);
  return ofRun(result, std::move(headline));
}

Answer answer(const apply::SyncResult& result, config::Mode mode) {
  if (result.problem) {
    Answer failed = answer(*result.problem);
    const std::string errors = errorsOf(result.findings);
    if (!errors.empty()) addLine(failed.text, errors);
    if (result.applied && result.applied->generation && result.commit)
      addLine(failed.text, fmt::format("  gone to {}: {}, generation {}", result.commit->id.shortHex(),
                                       changes(*result.applied), *result.applied->generation));
    else if (result.applied && !result.applied->outcomes.empty())
      addLine(failed.text, "  the last good generation was looked after: " + changes(*result.applied));
    return failed;
  }
  const std::string at = result.commit ? result.commit->id.shortHex() + "  " + result.commit->subject : result.head;
  if (mode == config::Mode::observe) {
    const auto waiting = result.plan ? size(result.plan->changes.size()) : 0;
    if (waiting == 0) return {0, at + ": nothing to change (mode observe)"};
    return {0, at + ": " + count(waiting, "change") + " not made (mode observe): bedplate diff, bedplate enforce"};
  }
  if (!result.applied) return {0, at};
  const apply::RunResult& run = *result.applied;
  if (run.undone) return ofRun(run, at + ": rolled back");
  std::string headline = at + ": " + (run.outcomes.empty() ? "nothing to change" : changes(run));
  if (run.generation) headline += fmt::format(", generation {}", *run.generation);
  headline += ", " + took(result.seconds);
  Answer answer = ofRun(run, std::move(headline));
  if (!result.k3sHeldBack.empty()) {
    answer.exitStatus = std::max(answer.exitStatus, 4);
    addLine(answer.text, "  " + result.k3sHeldBack);
  }
  return answer;
}

}  // namespace bedplate::report
