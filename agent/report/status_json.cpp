// The status as JSON and back. What comes back is treated as foreign: it may be of another version, or half of one.
#include <nlohmann/json.hpp>

#include "agent/report/headroom_json.h"
#include "agent/report/json.h"
#include "agent/report/json_read.h"
#include "agent/report/latency.h"
#include "agent/report/manifest_json.h"
#include "agent/report/report.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::report {
namespace {

constexpr std::size_t kSizeLimit = 8 << 20;
constexpr int kIndent = 1;

Json problemsJson(const std::vector<KeyProblem>& problems) {
  Json list = Json::array();
  for (const auto& problem : problems)
    list.push_back(Json{{"subject", problem.subject}, {"reason", problem.reason}, {"why", problem.why}});
  return list;
}

Json conditionsJson(const std::vector<Condition>& conditions) {
  Json list = Json::array();
  for (const auto& one : conditions)
    list.push_back(Json{{"type", one.type},
                        {"status", one.status},
                        {"reason", one.reason},
                        {"message", one.message},
                        {"since", timeJson(one.sinceUs)}});
  return list;
}

Json sourceJson(const Status& status) {
  const auto& source = status.source;
  return Json{{"url", source.url},
              {"branch", source.branch},
              {"path", source.path},
              {"commit", source.commit},
              {"subject", source.subject},
              {"committed", timeJson(source.committedUs)},
              {"head", source.head},
              {"contact", timeJson(source.contactUs)},
              {"checked", timeJson(source.checkedUs)},
              {"next", timeJson(source.nextUs)},
              {"signatures", source.signatures},
              {"unverified", errorJson(source.unverified)},
              {"problem", errorJson(source.problem)}};
}

Json generationOf(const Status& status) {
  const auto& generation = status.generation;
  return Json{{"number", generation.number},   {"inForce", generation.inForce},
              {"commit", generation.commit},   {"state", generation.state},
              {"why", generation.why},         {"finished", timeJson(generation.finishedUs)},
              {"changes", generation.changes}, {"seconds", generation.seconds}};
}

Json restartJson(const Status& status) {
  const auto& restart = status.k3s.restart;
  return Json{{"state", restart.state},   {"reason", restart.reason},
              {"why", restart.why},       {"line", restart.line},
              {"keys", restart.keys},     {"since", timeJson(restart.sinceUs)},
              {"commit", restart.commit}, {"configHash", restart.configHash}};
}

// ---- and back.

std::vector<KeyProblem> readProblems(const Json& object, const char* key) {
  std::vector<KeyProblem> problems;
  for (const auto& one : list(object, key)) {
    KeyProblem problem;
    read(member(one, key), "subject", problem.subject);
    if (one.contains("reason")) read(one, "reason", problem.reason);  // files of older versions have none
    read(one, "why", problem.why);
    problems.push_back(std::move(problem));
  }
  return problems;
}

std::vector<std::string> readStrings(const Json& object, const char* key) {
  std::vector<std::string> strings;
  for (const auto& one : list(object, key)) {
    if (!one.is_string()) throw WrongType(key);
    strings.push_back(one.get<std::string>());
  }
  return strings;
}

plan::Action readAction(const Json& object) {
  std::string text;
  read(object, "action", text);
  for (const auto action :
       {plan::Action::loadModule, plan::Action::setSysctl, plan::Action::restoreSysctl, plan::Action::releaseSysctl,
        plan::Action::writeFile, plan::Action::restoreFile, plan::Action::removeFile})
    if (text == plan::name(action)) return action;
  throw WrongType("action");
}

// In memory a sysctl is spelled by its path, and a file without its leading slash; what is no key stays as it is.
std::string keyOf(const std::string& subject) {
  auto key = sysctl::normaliseKey(subject);
  return key ? *key : subject;
}

std::string pathOf(const std::string& subject) { return subject.starts_with('/') ? subject.substr(1) : subject; }

plan::Change readChange(const Json& one) {
  plan::Change change;
  change.action = readAction(member(one, "pendingChanges"));
  read(one, "subject", change.subject);
  read(one, "from", change.from);
  read(one, "to", change.to);
  read(one, "origin", change.origin);
  read(one, "note", change.note);
  const bool isKey = change.action == plan::Action::setSysctl || change.action == plan::Action::restoreSysctl ||
                     change.action == plan::Action::releaseSysctl;
  if (isKey)
    change.subject = keyOf(change.subject);
  else if (change.action != plan::Action::loadModule)
    change.subject = pathOf(change.subject);
  return change;
}

apply::DriftEvent readDrift(const Json& one) {
  apply::DriftEvent event;
  readTime(one, "time", event.wallUs);
  read(one, "kind", event.kind);
  read(one, "subject", event.subject);
  read(one, "from", event.from);
  read(one, "to", event.to);
  read(one, "writer", event.writer);
  read(one, "repaired", event.repaired);
  event.subject = event.kind == "sysctl" ? keyOf(event.subject) : pathOf(event.subject);
  return event;
}

apply::Contest readContest(const Json& one) {
  apply::Contest contest;
  read(member(one, "contested"), "subject", contest.subject);
  read(one, "kind", contest.kind);
  read(one, "value", contest.value);
  read(one, "wanted", contest.wanted);
  read(one, "writer", contest.writer);
  read(one, "times", contest.times);
  readTime(one, "since", contest.sinceUs);
  contest.subject = contest.kind == "sysctl" ? keyOf(contest.subject) : pathOf(contest.subject);
  return contest;
}

std::optional<host::Error> readError(const Json& json, const char* name) {
  if (find(json, name) == nullptr) return std::nullopt;
  const Json& from = section(json, name);
  host::Error error;
  read(from, "reason", error.reason);
  read(from, "thing", error.thing);
  read(from, "why", error.why);
  read(from, "todo", error.todo);
  return error;
}

void readSource(const Json& json, Status& status) {
  auto& source = status.source;
  read(json, "url", source.url);
  read(json, "branch", source.branch);
  read(json, "path", source.path);
  read(json, "commit", source.commit);
  read(json, "subject", source.subject);
  read(json, "head", source.head);
  readTime(json, "committed", source.committedUs);
  readTime(json, "contact", source.contactUs);
  readTime(json, "checked", source.checkedUs);
  readTime(json, "next", source.nextUs);
  read(json, "signatures", source.signatures);
  source.unverified = readError(json, "unverified");
  source.problem = readError(json, "problem");
}

void readRestart(const Json& json, apply::K3sShown& restart) {
  read(json, "state", restart.state);
  read(json, "reason", restart.reason);
  read(json, "why", restart.why);
  read(json, "line", restart.line);
  restart.keys = readStrings(json, "keys");
  readTime(json, "since", restart.sinceUs);
  read(json, "commit", restart.commit);
  read(json, "configHash", restart.configHash);
}

void readState(const Json& json, Status& status) {
  const Json& generation = section(json, "generation");
  read(generation, "number", status.generation.number);
  read(generation, "inForce", status.generation.inForce);
  read(generation, "commit", status.generation.commit);
  read(generation, "state", status.generation.state);
  read(generation, "why", status.generation.why);
  readTime(generation, "finished", status.generation.finishedUs);
  read(generation, "changes", status.generation.changes);
  read(generation, "seconds", status.generation.seconds);

  const Json& tuning = section(json, "tuning");
  read(tuning, "held", status.tuning.held);
  status.tuning.pending = readProblems(tuning, "pending");
  status.tuning.failed = readProblems(tuning, "failed");

  const Json& drift = section(json, "drift");
  read(drift, "today", status.drift.today);
  read(drift, "total", status.drift.total);
  if (find(drift, "last") != nullptr) status.drift.last = readDrift(section(drift, "last"));
  status.drift.unrepaired = readProblems(drift, "unrepaired");
  for (const auto& one : list(drift, "contested")) status.drift.contested.push_back(readContest(one));

  const Json& k3s = section(json, "k3s");
  read(k3s, "configFiles", status.k3s.configFiles);
  read(k3s, "manifests", status.k3s.manifests);
  status.k3s.failed = readProblems(k3s, "failed");
  read(k3s, "restartNeeded", status.k3s.restartNeeded);
  if (find(k3s, "deployed") != nullptr) status.k3s.deployed = readDeployment(section(k3s, "deployed"));
  if (find(k3s, "restart") != nullptr) readRestart(section(k3s, "restart"), status.k3s.restart);
}

Json syncLatencyJson(const Status& status) {
  Json json{{"days", apply::kLatencyDays}};
  json["summary"] = latencyJson(status.syncLatency.summary);
  json["last"] = status.syncLatency.last ? commitTimesJson(*status.syncLatency.last) : Json(nullptr);
  return json;
}

void readSyncLatency(const Json& json, Status& status) {
  if (find(json, "summary") != nullptr) status.syncLatency.summary = readLatency(section(json, "summary"));
  if (find(json, "last") != nullptr) status.syncLatency.last = readCommitTimes(section(json, "last"));
}

void readRest(const Json& json, Status& status) {
  for (const auto& one : list(json, "pendingChanges")) status.pendingChanges.push_back(readChange(one));
  if (find(json, "suspended") != nullptr) {
    const Json& suspended = section(json, "suspended");
    apply::Suspension suspension;
    read(suspended, "reason", suspension.reason);
    readTime(suspended, "since", suspension.sinceUs);
    readTime(suspended, "until", suspension.untilUs);
    status.suspended = std::move(suspension);
  }
  read(json, "hold", status.hold);
  const Json& benchmarks = section(json, "benchmarks");
  if (find(benchmarks, "disk") != nullptr) status.disk = section(benchmarks, "disk").dump();
  if (find(benchmarks, "steal") != nullptr) status.steal = section(benchmarks, "steal").dump();
  if (find(json, "syncLatency") != nullptr) readSyncLatency(section(json, "syncLatency"), status);
  if (find(json, "headroom") != nullptr) status.headroom = readHeadroom(section(json, "headroom"));
  for (const auto& one : list(json, "conditions")) {
    Condition condition;
    read(member(one, "conditions"), "type", condition.type);
    read(one, "status", condition.status);
    read(one, "reason", condition.reason);
    read(one, "message", condition.message);
    readTime(one, "since", condition.sinceUs);
    status.conditions.push_back(std::move(condition));
  }
  status.warnings = readStrings(json, "warnings");
}

host::Failure corrupt(const std::string& why) {
  return host::fail("Corrupt", "the status", why, "it is written anew by the daemon: systemctl restart bedplated");
}

}  // namespace

namespace {

Json statusJson(const Status& status) {
  Json pending = Json::array();
  for (const auto& change : status.pendingChanges) pending.push_back(changeJson(change));
  Json contested = Json::array();
  for (const auto& contest : status.drift.contested) contested.push_back(contestJson(contest));
  Json suspended = nullptr;
  if (status.suspended)
    suspended = Json{{"reason", status.suspended->reason},
                     {"since", timeJson(status.suspended->sinceUs)},
                     {"until", timeJson(status.suspended->untilUs)}};
  return Json{
      {"version", status.version},
      {"written", timeJson(status.writtenUs)},
      {"started", timeJson(status.startedUs)},
      {"node", {{"name", status.node.name}, {"role", status.node.role}, {"cluster", status.node.cluster}}},
      {"mode", status.mode},
      {"conditions", conditionsJson(status.conditions)},
      {"source", sourceJson(status)},
      {"layers", status.layers},
      {"generation", generationOf(status)},
      {"tuning",
       {{"held", status.tuning.held},
        {"pending", problemsJson(status.tuning.pending)},
        {"failed", problemsJson(status.tuning.failed)}}},
      {"drift",
       {{"today", status.drift.today},
        {"total", status.drift.total},
        {"last", status.drift.last ? driftJson(*status.drift.last) : Json(nullptr)},
        {"unrepaired", problemsJson(status.drift.unrepaired)},
        {"contested", std::move(contested)}}},
      {"k3s",
       {{"configFiles", status.k3s.configFiles},
        {"manifests", status.k3s.manifests},
        {"failed", problemsJson(status.k3s.failed)},
        {"restartNeeded", status.k3s.restartNeeded},
        {"restart", restartJson(status)},
        {"deployed", status.k3s.deployed ? deploymentJson(*status.k3s.deployed) : Json(nullptr)}}},
      {"syncLatency", syncLatencyJson(status)},
      {"pendingChanges", std::move(pending)},
      {"suspended", std::move(suspended)},
      {"hold", status.hold},
      {"benchmarks", {{"disk", embedded(status.disk)}, {"steal", embedded(status.steal)}}},
      {"headroom", headroomJson(status.headroom)},
      {"warnings", status.warnings},
  };
}

std::string dump(const Json& json) { return json.dump(kIndent, ' ', true, Json::error_handler_t::replace) + "\n"; }

}  // namespace

std::string toJson(const Status& status) { return dump(statusJson(status)); }

std::string toJson(const Status& status, const std::vector<ManifestState>& manifests) {
  Json json = statusJson(status);
  Json all = Json::array();
  for (const auto& one : manifests) all.push_back(manifestJson(one));
  if (json["k3s"]["deployed"].is_object()) json["k3s"]["deployed"]["manifests"] = std::move(all);
  return dump(json);
}

host::Result<Status> fromJson(const std::string& text) {
  if (text.size() > kSizeLimit) return corrupt("is larger than 8 MiB");
  try {
    const Json json = Json::parse(text);
    if (!json.is_object()) return corrupt("is no JSON object");
    Status status;
    read(json, "version", status.version);
    readTime(json, "written", status.writtenUs);
    readTime(json, "started", status.startedUs);
    const Json& node = section(json, "node");
    read(node, "name", status.node.name);
    read(node, "role", status.node.role);
    read(node, "cluster", status.node.cluster);
    read(json, "mode", status.mode);
    readSource(section(json, "source"), status);
    status.layers = readStrings(json, "layers");
    readState(json, status);
    readRest(json, status);
    return status;
  } catch (const WrongType& wrong) {
    return corrupt("'" + std::string(wrong.what()) + "' is not of its kind");
  } catch (const Json::exception&) {
    return corrupt("is no JSON");
  }
}

}  // namespace bedplate::report
