#include "agent/report/json.h"

#include <nlohmann/json.hpp>

#include "agent/kube/time.h"
#include "tuning/host/clock.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::report {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kLastSecond = 253402300799;  // 9999-12-31T23:59:59Z

// Paths are kept without their leading slash; one that an error names has it already.
std::string absolute(const std::string& path) { return path.starts_with('/') ? path : "/" + path; }

// What is no key in its one spelling is shown as it is.
std::string dottedKey(const std::string& subject) {
  const auto key = sysctl::normaliseKey(subject);
  return key && *key == subject ? sysctl::dotted(subject) : subject;
}

bool isSysctl(plan::Action action) {
  return action == plan::Action::setSysctl || action == plan::Action::restoreSysctl ||
         action == plan::Action::releaseSysctl;
}

}  // namespace

Json timeJson(std::int64_t us) {
  if (us <= 0 || us / kSecond > kLastSecond) return nullptr;
  return host::isoTime(us);
}

std::optional<std::int64_t> parseTime(const std::string& text) {
  const auto us = kube::parseTime(text);
  if (!us || *us <= 0 || *us / kSecond > kLastSecond || host::isoTime(*us) != text) return std::nullopt;
  return us;
}

Json errorJson(const std::optional<host::Error>& error) {
  if (!error) return nullptr;
  return Json{{"reason", error->reason}, {"thing", error->thing}, {"why", error->why}, {"todo", error->todo}};
}

Json changeJson(const plan::Change& change) {
  return Json{{"action", plan::name(change.action)},
              {"subject", shownSubject(change)},
              {"from", change.from},
              {"to", change.to},
              {"origin", change.origin},
              {"note", change.note}};
}

Json driftJson(const apply::DriftEvent& event) {
  return Json{{"time", timeJson(event.wallUs)},
              {"kind", event.kind},
              {"subject", shownSubject(event)},
              {"from", event.from},
              {"to", event.to},
              {"writer", event.writer},
              {"repaired", event.repaired}};
}

Json contestJson(const apply::Contest& contest) {
  return Json{{"subject", shownSubject(contest)},
              {"kind", contest.kind},
              {"value", contest.value},
              {"wanted", contest.wanted},
              {"writer", contest.writer},
              {"times", contest.times},
              {"since", timeJson(contest.sinceUs)},
              {"until", timeJson(contest.sinceUs + apply::Contests::kTruceUs)}};
}

std::string whyContested(const apply::Contest& contest) {
  const std::string writer = contest.writer == "unknown" ? "somebody unknown" : contest.writer;
  return writer + " wants " + contest.value + ", Git wants " + contest.wanted + "; rewritten " +
         std::to_string(contest.times) +
         " times in 10 minutes, left alone for an hour or until Git says something else";
}

Json findingJson(const cluster::Finding& finding) {
  return Json{{"severity", name(finding.severity)},
              {"file", finding.file},
              {"line", finding.line},
              {"column", finding.column},
              {"message", finding.message}};
}

Json embedded(const std::optional<std::string>& text) {
  if (!text) return nullptr;
  Json parsed = Json::parse(*text, nullptr, false);
  if (!parsed.is_object()) return nullptr;
  return parsed;
}

std::string print(const Json& json) { return json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n"; }

const char* name(cluster::Severity severity) {
  switch (severity) {
    case cluster::Severity::note: return "note";
    case cluster::Severity::warning: return "warning";
    case cluster::Severity::error: return "error";
  }
  return "error";
}

std::string shownSubject(const plan::Change& change) {
  if (isSysctl(change.action)) return dottedKey(change.subject);
  return change.action == plan::Action::loadModule ? change.subject : absolute(change.subject);
}

std::string shownSubject(const apply::DriftEvent& event) {
  return event.kind == "sysctl" ? dottedKey(event.subject) : absolute(event.subject);
}

std::string shownSubject(const apply::Contest& contest) {
  return contest.kind == "sysctl" ? dottedKey(contest.subject) : absolute(contest.subject);
}

}  // namespace bedplate::report
