// The pieces of JSON that status, history, diff and the CLI share, so that one thing has one form everywhere.
// Times are "2026-11-23T14:02:11Z", whole seconds, or null for none.
// Thread-safety: free functions.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "agent/apply/store.h"
#include "agent/cluster/cluster.h"
#include "agent/plan/plan.h"

namespace bedplate::report {

using Json = nlohmann::ordered_json;

Json timeJson(std::int64_t us);
// Microseconds from such a time; nullopt for anything else.
std::optional<std::int64_t> parseTime(const std::string& text);

Json errorJson(const std::optional<host::Error>& error);
Json changeJson(const plan::Change& change);
Json driftJson(const apply::DriftEvent& event);
Json contestJson(const apply::Contest& contest);
Json findingJson(const cluster::Finding& finding);
// A text that should be JSON (a benchmark's result), or null.
Json embedded(const std::optional<std::string>& text);

// Indented, with a newline at the end; all but ASCII escaped, so that it can do nothing to a terminal.
std::string print(const Json& json);

// "error", "warning", "note"
const char* name(cluster::Severity severity);
// As an operator writes it: a sysctl with dots, a file with its leading slash.
std::string shownSubject(const plan::Change& change);
std::string shownSubject(const apply::DriftEvent& event);
std::string shownSubject(const apply::Contest& contest);
// "pid 12 x wants 0, Git wants 1; rewritten 6 times in 10 minutes, left alone ...".
std::string whyContested(const apply::Contest& contest);

}  // namespace bedplate::report
