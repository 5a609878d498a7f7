#include "agent/report/manifests.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/report/json_read.h"
#include "agent/report/manifest_json.h"
#include "tuning/host/paths.h"

namespace bedplate::report {
namespace {

constexpr std::size_t kMostBytes = 16 << 20;
constexpr std::size_t kMostNames = 100'000;

// What K3s says of a kind that no definition has brought yet.
bool isUnknownKind(const std::string& message) {
  for (const char* words :
       {"no matches for kind", "the server could not find the requested resource", "failed to discover client for"})
    if (message.find(words) != std::string::npos) return true;
  return false;
}

// Names of files that K3s passes over, wherever they are: "x.yaml" for a "x.yaml.skip".
std::set<std::string> skipped(host::Files& files) {
  std::set<std::string> names;
  constexpr std::string_view kEnd = ".skip";
  for (const auto& directory : {std::string(host::paths::k3sManifests), host::parentPath(host::paths::k3sManifests)}) {
    const auto listed = files.list(directory, kMostNames);
    if (!listed) continue;
    for (const auto& name : *listed)
      if (name.ends_with(kEnd)) names.insert(name.substr(0, name.size() - kEnd.size()));
  }
  return names;
}

std::string baseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

void judgeWanted(const plan::FileTarget& file, const plan::Deployed* deployed, ManifestState& state) {
  state.state = "written";
  if (deployed == nullptr) return;
  const auto addon = deployed->addons.find(plan::addonOf(file.path));
  if (addon == deployed->addons.end()) return;
  if (addon->second.checksum == file.sha256) {
    state.state = "accepted";
    return;
  }
  state.reason = addon->second.reason;
  state.message = addon->second.message;
  if (!state.reason.empty()) state.state = isUnknownKind(state.message) ? "waiting" : "failing";
}

ManifestState stateOf(const plan::FileTarget& file, const plan::Deployed* deployed, bool parked, bool isSkipped) {
  ManifestState state{file.file, file.path, {}, {}, {}};
  if (parked) {
    state.state = "parked";
    state.message = "until Git was heard in this boot";
  } else if (isSkipped) {
    state.state = "skipped";
    state.message = "a file " + baseName(file.path) + ".skip says so";
  } else if (file.stage == plan::Stage::wanted) {
    judgeWanted(file, deployed, state);
  } else {
    state.state = file.stage == plan::Stage::guarded  ? "held"
                  : file.stage == plan::Stage::moving ? "moving"
                                                      : "deleting";
    state.message = file.stage == plan::Stage::tombstone ? "K3s has to remove its objects first" : file.why;
  }
  return state;
}

std::size_t rank(const std::string& state) {
  const auto found = std::find(std::begin(kManifestStates), std::end(kManifestStates), state);
  return static_cast<std::size_t>(found - std::begin(kManifestStates));
}

}  // namespace

std::vector<ManifestState> manifestStates(host::Files& files, const plan::Target& target,
                                          const plan::Deployed* deployed, bool parked) {
  std::vector<ManifestState> states;
  const auto skips = skipped(files);
  for (const auto& file : target.files)
    if (file.area == plan::Area::manifest)
      states.push_back(stateOf(file, deployed, parked, skips.count(baseName(file.path)) != 0));
  return states;
}

std::int64_t Deployment::count(const char* state) const {
  const auto found = counts.find(state);
  return found == counts.end() ? 0 : found->second;
}

Deployment summarise(const std::vector<ManifestState>& states, const plan::Target& target,
                     const plan::Deployed* deployed) {
  Deployment all;
  for (const auto& one : states) {
    ++all.counts[one.state];
    if (one.state != "accepted" && one.state != "written") all.open.push_back(one);
  }
  std::stable_sort(all.open.begin(), all.open.end(),
                   [](const auto& a, const auto& b) { return rank(a.state) < rank(b.state); });
  if (all.open.size() > Deployment::kMostOpen) all.open.resize(Deployment::kMostOpen);
  if (deployed == nullptr) return all;
  all.problem = deployed->problem;
  all.askedUs = deployed->atUs;
  std::set<std::string> known;
  for (const auto& file : target.files)
    if (file.area == plan::Area::manifest) known.insert(plan::addonOf(file.path));
  for (const auto& path : target.buried) known.insert(plan::addonOf(path));
  const std::string ours = std::string("/") + host::paths::k3sManifests + "/";
  for (const auto& [name, addon] : deployed->addons)
    if (known.count(name) == 0 && addon.source.find(ours) != std::string::npos) all.orphans.push_back(name);
  return all;
}

std::string toJson(const std::vector<ManifestState>& states) {
  std::string text = "[";  // one at a time: a tree of a thousand costs more than to write them
  for (const auto& one : states) {
    if (text.size() > 1) text += ',';
    text += manifestJson(one).dump(-1, ' ', true, Json::error_handler_t::replace);
  }
  return text + "]\n";
}

Json manifestJson(const ManifestState& one) {
  Json json{{"file", one.file}, {"path", "/" + one.path}, {"state", one.state}};
  if (!one.reason.empty()) json["reason"] = one.reason;
  if (!one.message.empty()) json["message"] = one.message;
  return json;
}

ManifestState readManifest(const Json& one) {
  ManifestState state;
  read(one, "file", state.file);
  read(one, "path", state.path);
  if (state.path.starts_with('/')) state.path.erase(0, 1);
  read(one, "state", state.state);
  if (one.contains("reason")) read(one, "reason", state.reason);
  if (one.contains("message")) read(one, "message", state.message);
  return state;
}

Json deploymentJson(const Deployment& deployment) {
  Json states = Json::object();
  for (const char* state : kManifestStates)
    if (const std::int64_t number = deployment.count(state); number > 0) states[state] = number;
  Json open = Json::array();
  for (const auto& one : deployment.open) open.push_back(manifestJson(one));
  return Json{{"asked", timeJson(deployment.askedUs)},
              {"problem", deployment.problem},
              {"states", std::move(states)},
              {"open", std::move(open)},
              {"orphans", deployment.orphans}};
}

Deployment readDeployment(const Json& json) {
  Deployment deployment;
  readTime(json, "asked", deployment.askedUs);
  read(json, "problem", deployment.problem);
  const Json& states = section(json, "states");
  for (const char* state : kManifestStates) {
    std::int64_t number = 0;
    read(states, state, number);
    if (number > 0) deployment.counts[state] = number;
  }
  for (const auto& one : list(json, "open")) deployment.open.push_back(readManifest(member(one, "open")));
  for (const auto& one : list(json, "orphans")) {
    if (!one.is_string()) throw WrongType("orphans");
    deployment.orphans.push_back(one.get<std::string>());
  }
  return deployment;
}

host::Result<std::vector<ManifestState>> manifestsFromJson(const std::string& text) {
  const auto corrupt = [] { return host::fail("Corrupt", "manifests.json", "is not what bedplated writes"); };
  if (text.size() > kMostBytes) return corrupt();
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) return corrupt();
  std::vector<ManifestState> states;
  try {
    for (const auto& one : json) {
      if (!one.is_object()) return corrupt();
      states.push_back(readManifest(one));
    }
  } catch (const WrongType&) {
    return corrupt();
  }
  return states;
}

std::string manifestsFile(const std::string& statusFile) {
  return host::joinPath(host::parentPath(statusFile), "manifests.json");
}

}  // namespace bedplate::report
