#include "agent/cluster/node_yaml.h"

#include <algorithm>

#include "agent/cluster/names.h"
#include "agent/cluster/node_keys.h"
#include "agent/cluster/yaml.h"
#include "tuning/host/files.h"

namespace bedplate::cluster {
namespace {

constexpr std::string_view kApiVersion = "bedplate.dev/v1alpha1";
constexpr std::string_view kKind = "NodeConfig";

// What may stand directly below a section ("" is the file itself).
std::vector<std::string> namesBelow(const std::string& prefix) {
  std::vector<std::string> names;
  if (prefix.empty()) names = {"apiVersion", "kind"};
  for (const auto& key : keys()) {
    if (key.path.substr(0, prefix.size()) != prefix) continue;
    const auto rest = key.path.substr(prefix.size());
    const std::string name(rest.substr(0, rest.find('.')));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

// "nodes/web-01/node.yaml" stands in the layer nodes/web-01.
std::string layerOf(const std::string& file) {
  const auto folder = host::parentPath(file);
  return folder.empty() ? "cluster" : folder;
}

const Key* findKey(const std::string& path) {
  for (const auto& key : keys())
    if (key.path == path) return &key;
  return nullptr;
}

bool isSection(const std::string& path) {
  return std::any_of(keys().begin(), keys().end(),
                     [&](const Key& key) { return key.path.substr(0, path.size() + 1) == path + "."; });
}

// A key that is right in another section is named with its path.
std::string unknownKey(const std::string& name, const std::string& prefix) {
  const std::string what = "unknown key " + inQuotes(name);
  if (findKey(prefix + name) != nullptr) return what + ": write its parts below each other, without dots";
  const auto here = namesBelow(prefix);
  if (const auto near = nearest(name, here)) return what + suggestion(name, here);
  for (const auto& key : keys())
    if (key.path.substr(key.path.rfind('.') + 1) == name)
      return what + ", did you mean '" + std::string(key.path) + "'?";
  return what + suggestion(name, here);
}

}  // namespace

void NodeYaml::report(Severity severity, const std::string& file, yaml::Place at, std::string message) {
  findings_.push_back({severity, file, at.line, at.column, std::move(message)});
}

void NodeYaml::add(const std::string& file, std::string_view text) {
  auto document = yaml::read(text);
  for (auto& problem : document.problems) report(Severity::error, file, problem.at, std::move(problem.message));
  if (!document.problems.empty()) return;
  if (document.root.kind == yaml::Kind::null) return;
  if (document.root.kind != yaml::Kind::mapping)
    return report(Severity::error, file, document.root.at, "node.yaml is a mapping of keys to values");
  header(file, document.root);
  section(file, document.root, "");
}

void NodeYaml::header(const std::string& file, const yaml::Node& root) {
  const auto require = [&](std::string_view name, std::string_view wanted) {
    const auto found = std::find_if(root.entries.begin(), root.entries.end(),
                                    [&](const yaml::Entry& entry) { return entry.key == name; });
    const auto right = std::string(name) + ": " + std::string(wanted);
    if (found == root.entries.end())
      report(Severity::error, file, root.at, std::string(name) + " is missing: write '" + right + "'");
    else if (found->value.kind != yaml::Kind::scalar || found->value.text != wanted)
      report(Severity::error, file, found->value.at,
             inQuotes(found->value.text) + " is not known here: write '" + right + "'");
  };
  require("apiVersion", kApiVersion);
  require("kind", kKind);
}

void NodeYaml::section(const std::string& file, const yaml::Node& node, const std::string& prefix) {
  for (const auto& entry : node.entries) {
    const auto path = prefix + entry.key;
    if (path == "apiVersion" || path == "kind") continue;
    const bool oneStep = entry.key.find('.') == std::string::npos;
    const auto* key = oneStep ? findKey(path) : nullptr;
    if (key != nullptr) {
      if (entry.value.kind == yaml::Kind::null) {
        report(Severity::error, file, entry.at, path + " has no value; leave the key out");
        continue;
      }
      KeyValue value{entry.value,
                     {file, entry.at.line, entry.at.column, layerOf(file)},
                     draft_,
                     [&](yaml::Place at, const std::string& message) {
                       report(Severity::error, file, at, path + ": " + message);
                     }};
      key->read(value);
      if (!isActive(path)) report(Severity::note, file, entry.at, path + ": accepted, not active yet");
    } else if (!oneStep || !isSection(path)) {
      report(Severity::error, file, entry.at, unknownKey(entry.key, prefix));
    } else if (entry.value.kind == yaml::Kind::mapping) {
      section(file, entry.value, path + ".");
    } else if (entry.value.kind != yaml::Kind::null) {
      report(Severity::error, file, entry.value.at, path + " is a section: its keys stand below it, one a line");
    }
  }
}

NodeConfig NodeYaml::finish() {
  auto& config = draft_.config;
  const auto error = [&](const Said& said, std::string message) {
    findings_.push_back({Severity::error, said.file, said.line, said.column, std::move(message)});
  };
  if (draft_.window) {
    if (!draft_.from || !draft_.to)
      error(*draft_.window, "k3s.restart.window needs both from and to");
    else if (*draft_.from == *draft_.to)
      error(*draft_.window, "k3s.restart.window: from and to are the same time");
    NodeConfig::Window window;
    window.days = draft_.days.value_or(std::set<int>{0, 1, 2, 3, 4, 5, 6});
    window.fromMinute = draft_.from.value_or(0);
    window.toMinute = draft_.to.value_or(0);
    window.timezone = draft_.timezone.value_or("UTC");
    config.k3s.restart.window = window;
  }
  if (config.k3s.restart.mode == "window" && !draft_.window)
    error(*draft_.mode, "k3s.restart.mode is window, but there is no k3s.restart.window");
  const auto& disk = config.benchmark;
  if (disk.diskEveryMs && disk.diskForMs && *disk.diskForMs * 2 > *disk.diskEveryMs)
    error(*draft_.duration, "benchmark.disk.for is more than half of benchmark.disk.every: the disk would never rest");
  return config;
}

std::vector<std::string> nodeYamlKeys() {
  std::vector<std::string> paths;
  for (const auto& key : keys()) paths.emplace_back(key.path);
  return paths;
}

}  // namespace bedplate::cluster
