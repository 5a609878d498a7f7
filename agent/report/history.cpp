// `bedplate history` and `bedplate show N`.
#include <fmt/format.h>

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/report/json.h"
#include "agent/report/latency.h"
#include "agent/report/report.h"
#include "agent/report/text.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::report {
namespace {

Json generationFields(const apply::Generation& generation) {
  return Json{{"number", generation.number},
              {"commit", generation.commit},
              {"subject", generation.subject},
              {"tree", generation.tree},
              {"digest", generation.digest},
              {"cause", generation.cause},
              {"state", apply::name(generation.state)},
              {"why", generation.why},
              {"started", timeJson(generation.startedUs)},
              {"finished", timeJson(generation.finishedUs)},
              {"attempts", generation.attempts}};
}

struct Line {
  std::string text;
  Colour colour = Colour::none;
};

const apply::CommitTimes* timesOf(const apply::Generation& generation, const std::vector<apply::CommitTimes>& commits) {
  for (const auto& times : commits)
    if (times.generation == generation.number) return &times;
  return nullptr;
}

Line lineOf(const apply::Generation& generation, const apply::CommitTimes* times) {
  const auto latency = times == nullptr ? std::nullopt : apply::syncLatency(*times);
  std::string text = fmt::format("{:>5}  {:<11}  {:<8}  {:<7}  {:>6}  {}", generation.number,
                                 apply::name(generation.state), generation.cause, generation.commit.substr(0, 7),
                                 latency ? latencyWords(*latency) : "-", generation.subject);
  if (!generation.why.empty()) text += " (" + generation.why + ")";
  const bool bad = generation.state == apply::GenerationState::rolledBack;
  return {clean(text), bad ? Colour::red : Colour::none};
}

Line lineOf(const apply::DriftEvent& event) {
  std::string text = fmt::format("    -  drift        {:<8}  {}  {} -> {}", event.repaired ? "put back" : "left",
                                 shownSubject(event), event.from, event.to);
  if (!event.writer.empty() && event.writer != "unknown") text += ", by " + event.writer;
  return {clean(text), event.repaired ? Colour::none : Colour::yellow};
}

Line lineOf(const apply::Acceptance& acceptance) {
  return {clean("    -  accepted     operator  " + acceptance.commit.substr(0, 7) + "  the branch goes on from there"),
          Colour::yellow};
}

std::string shownChange(const apply::Outcome& outcome) {
  std::string line = "  " + plan::text(outcome.change);
  if (outcome.error) line += "  FAILED: " + outcome.error->why;
  return line;
}

void field(std::string& out, const Screen& screen, std::string_view label, const std::string& value) {
  if (value.empty()) return;
  const std::string line = fmt::format("  {:<12}", label);
  out += paint(line, Colour::faint, screen.colour) + fit(clean(value), screen.columns - 14) + "\n";
}

std::string shortOriginal(const plan::FileOriginal& file) {
  return file.existed ? "kept (" + file.sha256.substr(0, 8) + ")" : "absent";
}

std::string originalOf(const plan::Held& held, const plan::Change& change) {
  const auto sysctl = held.sysctls.find(change.subject);
  if (sysctl != held.sysctls.end()) return sysctl->second.value;
  const auto file = held.files.find(change.subject);
  return file == held.files.end() ? std::string() : shortOriginal(file->second);
}

}  // namespace

std::string renderHistory(const History& history, const Screen& screen) {
  std::multimap<std::int64_t, Line, std::greater<>> lines;  // newest first; of one moment in the order of insertion
  for (const auto& generation : history.generations)
    lines.emplace(generation.startedUs, lineOf(generation, timesOf(generation, history.commits)));
  for (const auto& event : history.drift) lines.emplace(event.wallUs, lineOf(event));
  for (const auto& acceptance : history.acceptances) lines.emplace(acceptance.wallUs, lineOf(acceptance));
  if (lines.empty()) return "nothing happened yet\n";
  std::string out;
  for (const auto& [whenUs, line] : lines) {
    const std::string when = dateTime(whenUs, screen.utcOffsetSeconds);
    out += paint(when, Colour::faint, screen.colour) + "  " +
           paint(fit(line.text, screen.columns - 21), line.colour, screen.colour) + "\n";
  }
  if (const auto summary = apply::summarise(history.commits))
    out += paint("from first seen to confirmed: " + latencyLine(*summary), Colour::faint, screen.colour) + "\n";
  return out;
}

Originals originalsOf(const apply::Generation& generation, const plan::Target* target, const plan::Held& held,
                      const std::string& bootId) {
  Originals originals;
  originals.bootId = bootId;
  std::set<std::string> subjects;
  for (const auto& outcome : generation.outcomes) subjects.insert(outcome.change.subject);
  std::vector<sysctl::Rule> rules;
  if (target != nullptr) {
    for (const auto& file : target->files) subjects.insert(file.path);
    for (const auto& want : target->sysctls) rules.push_back(want.rule);
  }
  for (const auto& one : held.sysctls)
    if (subjects.count(one.first) != 0 || sysctl::asks(rules, one.first)) originals.held.sysctls.insert(one);
  for (const auto& one : held.files)
    if (subjects.count(one.first) != 0) originals.held.files.insert(one);
  return originals;
}

std::string renderGeneration(const apply::Generation& generation, const Originals& originals,
                             const std::optional<apply::CommitTimes>& times, const Screen& screen) {
  std::string out = paint(fmt::format("generation {}", generation.number), Colour::bold, screen.colour) + "  " +
                    apply::name(generation.state) + "\n";
  field(out, screen, "why", generation.why);
  field(out, screen, "commit", generation.commit + "  " + generation.subject);
  field(out, screen, "cause", generation.cause);
  field(out, screen, "started", dateTime(generation.startedUs, screen.utcOffsetSeconds));
  if (generation.finishedUs > 0)
    field(out, screen, "finished",
          fmt::format("{}, {}", dateTime(generation.finishedUs, screen.utcOffsetSeconds),
                      took(static_cast<double>(generation.finishedUs - generation.startedUs) / 1e6)));
  if (times) field(out, screen, "latency", latencyLine(*times, screen.utcOffsetSeconds));
  if (generation.attempts > 1) field(out, screen, "attempts", std::to_string(generation.attempts));
  const auto number = static_cast<std::int64_t>(generation.outcomes.size());
  out += number == 0 ? "no changes recorded\n" : count(number, "change") + ":\n";
  for (const auto& outcome : generation.outcomes) {
    std::string line = clean(shownChange(outcome));
    const std::string original = originalOf(originals.held, outcome.change);
    if (!original.empty()) line += clean("  [original: " + original + "]");
    out += paint(line, outcome.error ? Colour::red : Colour::none, screen.colour) + "\n";
  }
  const auto& held = originals.held;
  if (!held.sysctls.empty()) out += "originals of its keys:\n";
  for (const auto& [key, original] : held.sysctls)
    out += clean(fmt::format("  {}  {}  ({})", sysctl::dotted(key), original.value,
                             original.bootId == originals.bootId ? "taken in this boot" : "taken in an earlier boot")) +
           "\n";
  // Most files were not there before; those that were are few.
  if (std::any_of(held.files.begin(), held.files.end(), [](const auto& one) { return one.second.existed; }))
    out += "originals of its files:\n";
  for (const auto& [path, original] : held.files)
    if (original.existed) out += clean("  /" + path + "  " + shortOriginal(original)) + "\n";
  return out;
}

std::string historyJson(const History& history) {
  Json json{{"generations", Json::array()}, {"drift", Json::array()}, {"commits", Json::array()}};
  for (const auto& generation : history.generations) json["generations"].push_back(generationFields(generation));
  for (const auto& event : history.drift) json["drift"].push_back(driftJson(event));
  for (const auto& times : history.commits) json["commits"].push_back(commitTimesJson(times));
  json["acceptances"] = Json::array();
  for (const auto& acceptance : history.acceptances)
    json["acceptances"].push_back(Json{{"commit", acceptance.commit}, {"at", timeJson(acceptance.wallUs)}});
  json["syncLatency"] = latencyJson(apply::summarise(history.commits));
  return print(json);
}

std::string generationJson(const apply::Generation& generation, const Originals& originals,
                           const std::optional<apply::CommitTimes>& times) {
  Json json = generationFields(generation);
  json["sync"] = times ? commitTimesJson(*times) : Json(nullptr);
  json["changes"] = Json::array();
  for (const auto& outcome : generation.outcomes) {
    Json change = changeJson(outcome.change);
    change["error"] = errorJson(outcome.error);
    json["changes"].push_back(std::move(change));
  }
  json["originals"] = Json::array();
  for (const auto& [key, original] : originals.held.sysctls)
    json["originals"].push_back(Json{{"kind", "sysctl"},
                                     {"subject", sysctl::dotted(key)},
                                     {"value", original.value},
                                     {"thisBoot", original.bootId == originals.bootId}});
  for (const auto& [path, original] : originals.held.files)
    json["originals"].push_back(Json{{"kind", "file"},
                                     {"subject", "/" + path},
                                     {"value", original.existed ? Json(original.sha256) : Json(nullptr)},
                                     {"thisBoot", nullptr}});
  return print(json);
}

}  // namespace bedplate::report
