#include "agent/report/json.h"

#include <charconv>
#include <ctime>
#include <nlohmann/json.hpp>

#include "tuning/host/clock.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::report {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kLastSecond = 253402300799;  // 9999-12-31T23:59:59Z

std::optional<int> number(const std::string& text, std::size_t at, std::size_t length) {
  int value = 0;
  const char* begin = text.data() + at;
  for (std::size_t i = 0; i < length; ++i)
    if (begin[i] < '0' || begin[i] > '9') return std::nullopt;
  std::from_chars(begin, begin + length, value);
  return value;
}

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
  constexpr std::string_view shape = "0000-00-00T00:00:00Z";
  if (text.size() != shape.size()) return std::nullopt;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != '0' && text[i] != shape[i]) return std::nullopt;
  const auto year = number(text, 0, 4), month = number(text, 5, 2), day = number(text, 8, 2);
  const auto hour = number(text, 11, 2), minute = number(text, 14, 2), second = number(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  std::tm parts{};
  parts.tm_year = *year - 1900;
  parts.tm_mon = *month - 1;
  parts.tm_mday = *day;
  parts.tm_hour = *hour;
  parts.tm_min = *minute;
  parts.tm_sec = *second;
  const std::int64_t seconds = ::timegm(&parts);
  if (seconds <= 0 || seconds > kLastSecond || host::isoTime(seconds * kSecond) != text) return std::nullopt;
  return seconds * kSecond;
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
