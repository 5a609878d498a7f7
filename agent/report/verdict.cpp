#include "agent/report/verdict.h"

#include <nlohmann/json.hpp>

#include "tuning/host/files.h"
#include "tuning/host/paths.h"

namespace bedplate::report {
namespace {

std::string textAt(const nlohmann::json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

}  // namespace

std::string diskResultPath() { return host::joinPath(host::parentPath(host::paths::statusFile), "disk.json"); }

Measured measuredFrom(const std::optional<std::string>& json) {
  Measured measured;
  if (!json) return measured;
  const auto parsed = nlohmann::json::parse(*json, nullptr, false);
  if (!parsed.is_object()) return measured;
  measured.verdict = textAt(parsed, "verdict");
  measured.reason = textAt(parsed, "reason");
  const auto ratio = parsed.find("ratio");
  if (ratio != parsed.end() && ratio->is_number()) measured.ratio = ratio->get<double>();
  const auto hidden = parsed.find("hidden");
  if (hidden == parsed.end() || !hidden->is_object()) return measured;
  const auto share = hidden->find("ratio");
  if (share != hidden->end() && share->is_number()) measured.hidden = share->get<double>();
  return measured;
}

}  // namespace bedplate::report
