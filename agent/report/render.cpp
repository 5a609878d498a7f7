// The screen of `bedplate status`.
#include <fmt/format.h>

#include "agent/report/advice.h"
#include "agent/report/json.h"
#include "agent/report/latency.h"
#include "agent/report/report.h"
#include "agent/report/restart_line.h"
#include "agent/report/rows.h"
#include "tuning/bench/bench.h"

namespace bedplate::report {
namespace {

constexpr std::size_t kHeight = 24;

// Ranks: what goes first when there is more to say than lines.
enum Rank { kNever = 0, kImportant = 1, kUseful = 2, kDetail = 3 };

const Condition* find(const Status& status, std::string_view type) {
  for (const auto& one : status.conditions)
    if (one.type == type) return &one;
  return nullptr;
}

bool is(const Status& status, std::string_view type, std::string_view value) {
  const Condition* condition = find(status, type);
  return condition != nullptr && condition->status == value;
}

// One word for the corner.
std::string headline(const Status& status, int exit) {
  const Condition* ready = find(status, "Ready");
  if (status.mode == "unconfigured" && !status.source.problem) return "Unconfigured";
  if (exit == 3 || ready == nullptr) return "Unknown";
  if (status.suspended) return "Suspended";
  if (is(status, "Stalled", "True")) return "Stalled: " + find(status, "Stalled")->reason;
  if (!status.hold.empty() && ready->status == "True") return "Held";
  if (ready->status == "True") return is(status, "Reconciling", "True") ? "Ready, retrying" : "Ready";
  if (is(status, "Reconciling", "True")) return "Reconciling";
  return ready->reason == "Observing" ? "Observing" : "Not ready: " + ready->reason;
}

Colour colourOf(int exit) {
  if (exit == 0) return Colour::green;
  return exit == 2 ? Colour::red : Colour::yellow;
}

std::string shortId(const std::string& hex) { return hex.substr(0, 7); }

std::string nextLook(const Status& status, const Screen& screen) {
  const auto& source = status.source;
  if (!screen.daemonAlive || source.nextUs == 0) return "checked " + ago(source.checkedUs, screen.nowUs);
  const std::string next = source.nextUs > screen.nowUs ? duration(source.nextUs - screen.nowUs) : "now";
  return "checked " + ago(source.checkedUs, screen.nowUs) + ", next " + next;
}

void problemRows(const Status& status, const Screen& screen, Rows& rows) {
  const auto& source = status.source;
  if (source.unverified && !source.problem)
    rows.wrap("unsigned", source.unverified->text(), 4, kImportant, Colour::yellow);
  if (!source.problem) return;
  const Colour colour = is(status, "Stalled", "True") ? Colour::red : Colour::yellow;
  rows.wrap("problem", source.problem->reason + ": " + source.problem->text(), 4, kImportant, colour);
  if (source.contactUs > 0) rows.add("", "last answer of the remote " + ago(source.contactUs, screen.nowUs), kUseful);
}

void sourceRows(const Status& status, const Screen& screen, Rows& rows) {
  const auto& source = status.source;
  const std::string at = source.commit.empty() ? source.branch : source.branch + "@" + shortId(source.commit);
  rows.addSplit("source", source.subject.empty() ? at : at + "  " + source.subject, nextLook(status, screen));
  if (!source.head.empty() && !source.commit.empty() && source.head != source.commit)
    rows.add("", "the head is " + shortId(source.head) + ", not in force", kImportant, Colour::yellow);
  problemRows(status, screen, rows);
}

std::string join(const std::vector<std::string>& parts) {
  std::string all;
  for (const auto& part : parts) all += (all.empty() ? "" : ", ") + part;
  return all.empty() ? "none" : all;
}

void generationRows(const Status& status, const Screen& screen, Rows& rows) {
  const auto& generation = status.generation;
  if (generation.number == 0) {
    rows.add("generation", "none yet");
    return;
  }
  std::string line = fmt::format("{}, {} {}", generation.number, generation.state,
                                 clockTime(generation.finishedUs, screen.nowUs, screen.utcOffsetSeconds));
  if (generation.state == "applying") line = fmt::format("{}, applying", generation.number);
  if (generation.finishedUs > 0 && generation.state == "applied")
    line += fmt::format(", {} in {}", count(generation.changes, "change"), took(generation.seconds));
  if (generation.inForce != generation.number && generation.inForce > 0)
    line += fmt::format("; {} is in force", generation.inForce);
  const bool bad = generation.state == "rolled-back";
  rows.add("generation", line, kNever, bad ? Colour::red : Colour::none);
  if (bad && !generation.why.empty()) rows.wrap("", generation.why, 2, kImportant, Colour::red);
  if (!status.hold.empty()) rows.wrap("hold", status.hold, 2, kImportant, Colour::yellow);
}

void problemList(const std::vector<KeyProblem>& problems, Rows& rows, Colour colour) {
  constexpr std::size_t kShown = 3;
  for (std::size_t i = 0; i < problems.size() && i < kShown; ++i)
    rows.add("", problems[i].subject + ": " + problems[i].why, i == 0 ? kImportant : kDetail, colour);
}

void tuningRows(const Status& status, Rows& rows) {
  const auto& tuning = status.tuning;
  std::string line = count(tuning.held, "key") + " held";
  if (!tuning.failed.empty()) line += fmt::format(", {} failed", tuning.failed.size());
  if (tuning.pending.size() == 1)
    line += fmt::format(", 1 pending ({})", tuning.pending.front().why);
  else if (!tuning.pending.empty())
    line += fmt::format(", {} pending (first: {})", tuning.pending.size(), tuning.pending.front().why);
  rows.add("tuning", line, kNever, tuning.failed.empty() ? Colour::none : Colour::red);
  problemList(tuning.failed, rows, Colour::red);
}

std::string lastDrift(const apply::DriftEvent& last) {
  if (last.kind != "sysctl") return shownSubject(last);
  return fmt::format("{} {} -> {}", shownSubject(last), last.from, last.to);
}

void driftRows(const Status& status, const Screen& screen, Rows& rows) {
  const auto& drift = status.drift;
  const bool wrong = !drift.unrepaired.empty() || !drift.contested.empty();
  std::string line = drift.total == 0 ? "none" : "none today";
  if (drift.today > 0) line = std::to_string(drift.today) + (wrong ? " today" : " put back today");
  if (!drift.unrepaired.empty()) line += fmt::format(", {} not put back", drift.unrepaired.size());
  if (!drift.contested.empty()) line += fmt::format(", {} contested", drift.contested.size());
  if (drift.last && drift.today > 0)
    line += ", last: " + lastDrift(*drift.last);
  else if (drift.last)
    line += fmt::format(", last {}: {}", ago(drift.last->wallUs, screen.nowUs), lastDrift(*drift.last));
  rows.add("drift", line, kNever, wrong ? Colour::yellow : Colour::none);
  if (!drift.contested.empty()) {
    const auto& contest = drift.contested.front();
    rows.wrap("", shownSubject(contest) + ": " + whyContested(contest), 3, kNever, Colour::yellow);
  }
}

// ": 12 accepted, 1 failing"; nothing where K3s has said nothing.
std::string manifestCounts(const Deployment& deployed) {
  if (deployed.askedUs == 0 && deployed.open.empty()) return {};
  std::string text;
  for (const char* state :
       {"accepted", "written", "waiting", "moving", "deleting", "parked", "skipped", "held", "failing"})
    if (const std::int64_t number = deployed.count(state); number > 0)
      text += fmt::format("{} {} {}", text.empty() ? ":" : ",", number, state);
  return text;
}

// What an operator has to know first; the rest is in `bedplate status -o json`.
void manifestRows(const Deployment& deployed, Rows& rows) {
  constexpr std::size_t kShown = 3;
  for (std::size_t i = 0; i < deployed.open.size() && i < kShown; ++i) {
    const auto& one = deployed.open[i];
    const std::string why = one.reason.empty() ? one.message : one.reason + ": " + one.message;
    rows.wrap("", one.file + " " + one.state + ": " + why, 3, one.state == "failing" ? kNever : kUseful,
              one.state == "failing" ? Colour::red : Colour::yellow);
  }
  if (!deployed.problem.empty() && deployed.askedUs != 0)
    rows.wrap("", "K3s's API: " + deployed.problem, 2, kUseful, Colour::yellow);
}

void k3sRows(const Status& status, Rows& rows) {
  const auto& k3s = status.k3s;
  std::string line = count(k3s.configFiles, "config file") + ", " + count(k3s.manifests, "manifest");
  if (k3s.deployed) line += manifestCounts(*k3s.deployed);
  if (!k3s.failed.empty()) line += fmt::format(", {} failed", k3s.failed.size());
  const std::string& state = k3s.restart.state;
  const bool failing = k3s.deployed && k3s.deployed->count("failing") > 0;
  const bool bad = !k3s.failed.empty() || state == "rolled-back" || state == "going-back" || state == "failed";
  const bool open = (k3s.deployed && !k3s.deployed->open.empty()) || k3s.restartNeeded || !state.empty();
  const Colour colour = bad || failing ? Colour::red : open ? Colour::yellow : Colour::none;
  rows.add("k3s", line, kNever, colour);
  if (k3s.restartNeeded || !state.empty())
    rows.wrap("", restartLine(status), 4, kNever, bad ? Colour::red : Colour::yellow);
  problemList(k3s.failed, rows, Colour::red);
  if (k3s.deployed) manifestRows(*k3s.deployed, rows);
}

void benchRows(const Status& status, const Screen& screen, Rows& rows) {
  const auto row = [&](const char* label, const std::optional<std::string>& json, const char* type) {
    if (!json) return;
    const std::string line = bench::summary(*json, screen.nowUs);
    if (!line.empty()) rows.add(label, line, kUseful, is(status, type, "False") ? Colour::red : Colour::none);
  };
  row("disk", status.disk, "DiskFit");
  row("steal", status.steal, "CpuFit");
}

void headroomRow(const Status& status, Rows& rows) {
  if (!status.headroom) return;
  const std::string line = headroomLine(*status.headroom);
  const bool low = tight(*status.headroom);
  if (!line.empty()) rows.add("headroom", line, low ? kImportant : kDetail, low ? Colour::yellow : Colour::none);
}

void waitingRows(const Status& status, const Screen& screen, Rows& rows) {
  if (status.suspended) {
    std::string line = status.suspended->reason + ", since " + ago(status.suspended->sinceUs, screen.nowUs);
    if (status.suspended->untilUs > 0)
      line += ", until " + clockTime(status.suspended->untilUs, screen.nowUs, screen.utcOffsetSeconds);
    rows.wrap("suspended", line, 2, kImportant, Colour::yellow);
  }
  if (status.pendingChanges.empty()) return;
  const auto waiting = static_cast<std::int64_t>(status.pendingChanges.size());
  rows.add("plan",
           count(waiting, "change") + (status.mode == "observe" ? " not made: the mode is observe" : " held back"),
           kNever, Colour::yellow);
}

void agentRow(const Status& status, const Screen& screen, int exit, Rows& rows) {
  if (!screen.daemonAlive)
    rows.add("agent", "not running; this is what was known " + ago(status.writtenUs, screen.nowUs), kNever,
             Colour::red);
  else if (exit == 3 && status.mode != "unconfigured")
    rows.add("agent", "runs, but its last word is from " + ago(status.writtenUs, screen.nowUs), kNever, Colour::red);
}

}  // namespace

std::string render(const Status& status, const Screen& screen) {
  const int exit = exitStatus(status, screen.nowUs, screen.daemonAlive);
  Rows rows(screen);
  std::string who;
  for (const std::string* part : {&status.node.name, &status.node.cluster, &status.node.role, &status.mode})
    if (!part->empty()) who += (who.empty() ? "" : "  ") + *part;
  rows.split(who, headline(status, exit), Colour::bold, colourOf(exit));
  agentRow(status, screen, exit, rows);
  if (status.mode == "unconfigured") {
    problemRows(status, screen, rows);
  } else {
    sourceRows(status, screen, rows);
    rows.add("layers", join(status.layers), kUseful);
    generationRows(status, screen, rows);
    if (const auto& summary = status.syncLatency.summary)
      rows.add("latency", latencyLine(*summary) + " in " + count(apply::kLatencyDays, "day"), kDetail);
    tuningRows(status, rows);
    driftRows(status, screen, rows);
    k3sRows(status, rows);
    benchRows(status, screen, rows);
    headroomRow(status, rows);
    waitingRows(status, screen, rows);
  }
  constexpr std::size_t kWarnings = 3;
  for (std::size_t i = 0; i < status.warnings.size() && i < kWarnings; ++i)
    rows.wrap(i == 0 ? "warning" : "", status.warnings[i], 2, kDetail, Colour::yellow);
  if (status.warnings.size() > kWarnings)
    rows.add("", fmt::format("and {} more", status.warnings.size() - kWarnings), kDetail);
  const std::string next = advice(status, screen.daemonAlive);
  rows.add("next", next.empty() ? "nothing to do" : next, kNever, next.empty() ? Colour::none : Colour::bold);
  return rows.text(kHeight);
}

}  // namespace bedplate::report
