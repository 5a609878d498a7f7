#include "agent/cluster/layout.h"

#include <algorithm>
#include <map>
#include <set>

#include "agent/cluster/names.h"
#include "agent/cluster/yaml.h"

namespace bedplate::cluster {
namespace {

const std::vector<std::string>& roleNames() {
  static const std::vector<std::string> names = {"server", "agent"};
  return names;
}

bool endsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string_view baseName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

constexpr std::string_view kSealed = ".sealed";
constexpr std::string_view kNodeYamlSealed = "node.yaml.sealed";

std::string withoutSealed(const std::string& path) { return path.substr(0, path.size() - kSealed.size()); }

// For people and for Git, not for nodes.
bool isIgnored(std::string_view path) {
  const auto name = baseName(path);
  return name == ".gitkeep" || endsWith(name, ".md");
}

// "a/b/c" -> "a" and "b/c"; "c" -> "c" and "".
std::pair<std::string, std::string> splitFirst(const std::string& path) {
  const auto slash = path.find('/');
  if (slash == std::string::npos) return {path, ""};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

class Scan {
 public:
  Scan(const Identity& node, std::vector<Finding>& findings) : findings_(findings) {
    layers_[0].name = "cluster";
    layers_[1].name = "roles/" + node.role;
    layers_[2].name = "nodes/" + node.name;
  }

  void add(const source::File& file) {
    if (isIgnored(file.path)) return;
    const auto [top, rest] = splitFirst(file.path);
    if (top == "roles" || top == "nodes") return addBelow(file, top, rest);
    place(file, file.path, 0);
  }

  std::vector<Layer> take() {
    std::vector<Layer> used;
    for (auto& layer : layers_)
      if (!layer.files.empty()) used.push_back(std::move(layer));
    return used;
  }

 private:
  void addBelow(const source::File& file, const std::string& top, const std::string& rest) {
    const auto [name, path] = splitFirst(rest);
    const std::string folder = top + "/" + name;
    if (path.empty()) {
      once(rest.empty() ? top : folder, top == "roles" ? "roles/ holds one folder a role: roles/server, roles/agent"
                                                       : "nodes/ holds one folder a node, such as nodes/web-01");
    } else if (top == "roles" && std::find(roleNames().begin(), roleNames().end(), name) == roleNames().end()) {
      once(folder, "unknown role " + inQuotes(name) + suggestion(name, roleNames()));
    } else if (top == "nodes" && !isDnsSubdomain(name)) {
      once(folder, inQuotes(name) + " cannot be the name of a node: lower-case letters, digits, '-' and '.'");
    } else if (folder == layers_[1].name) {
      place(file, path, 1);
    } else if (folder == layers_[2].name) {
      place(file, path, 2);
    }
  }

  void place(const source::File& file, const std::string& path, std::size_t layer) {
    const auto [top, rest] = splitFirst(path);
    const auto name = baseName(path);
    const std::string where = file.path.substr(0, file.path.size() - path.size());
    if (const auto wrong = judgeTop(top, rest.empty(), layer); !wrong.empty()) return once(where + top, wrong);
    const bool sealed = endsWith(name, kSealed);
    const auto found = areaOf(top, sealed ? withoutSealed(rest) : rest);
    if (sealed && top == kNodeYamlSealed) return error(file.path, notSealed(Area::nodeYaml));
    if (!found) return error(file.path, notRead(top, path));
    if (sealed && *found != Area::k3s) return error(file.path, notSealed(*found));
    const std::string plain = sealed ? withoutSealed(path) : path;
    // By name the plain one comes first.
    if (sealed)
      for (const auto& other : layers_[layer].files)
        if (other.path == plain) return error(file.path, "stands beside the same file in plain text: remove one");
    layers_[layer].files.push_back({&file, plain, *found, sealed});
  }

  // Why a file of this area is not sealed.
  static std::string notSealed(Area area) {
    if (area == Area::manifest)
      return "a manifest is not sealed: K3s would keep its content in plain text in the cluster's database; put a "
             "SealedSecret or an ExternalSecret into it";
    return "only K3s's files are sealed (k3s/registries.yaml, k3s/config.yaml, k3s/config.yaml.d/*.yaml): what is in "
           "this one is shown by diff, status and explain, so keep it in plain text";
  }

  // What is wrong with the first part of a path; "" when nothing is.
  static std::string judgeTop(const std::string& top, bool isFile, std::size_t layer) {
    if (top == "node.yaml" && isFile) return {};
    if (top == kNodeYamlSealed && isFile) return {};
    if (top == "manifests" && layer == 2)
      return "manifests are the whole cluster's, not one node's: move them to manifests/ or roles/server/manifests/";
    if (!isFile && (top == "sysctl.d" || top == "modules-load.d" || top == "k3s" || top == "manifests")) return {};
    if (layer != 0 && (top == "roles" || top == "nodes"))
      return "a layer within a layer: " + top + "/ stands at the top";
    std::vector<std::string> valid = {"node.yaml", "sysctl.d", "modules-load.d", "k3s"};
    if (layer != 2) valid.emplace_back("manifests");
    if (layer == 0) valid.insert(valid.end(), {"roles", "nodes"});
    const std::string what = isFile ? "unknown file " : "unknown folder ";
    if (std::find(valid.begin(), valid.end(), top) != valid.end())
      return inQuotes(top) + (isFile ? " must be a folder" : " must be a file");
    return what + inQuotes(top) + suggestion(top, valid);
  }

  static std::optional<Area> areaOf(const std::string& top, const std::string& rest) {
    const bool direct = rest.find('/') == std::string::npos;
    if (top == "node.yaml") return Area::nodeYaml;
    if (rest.empty() || rest.front() == '.' || rest.find("/.") != std::string::npos) return std::nullopt;
    if (top == "sysctl.d") return direct && endsWith(rest, ".conf") ? std::optional(Area::sysctl) : std::nullopt;
    if (top == "modules-load.d") return direct && endsWith(rest, ".conf") ? std::optional(Area::modules) : std::nullopt;
    if (top == "manifests") {
      const bool good = endsWith(rest, ".yaml") || endsWith(rest, ".yml") || endsWith(rest, ".json");
      return good ? std::optional(Area::manifest) : std::nullopt;
    }
    const auto [folder, name] = splitFirst(rest);
    const bool dropIn = folder == "config.yaml.d" && name.find('/') == std::string::npos && endsWith(name, ".yaml");
    if (rest == "config.yaml" || rest == "registries.yaml" || dropIn) return Area::k3s;
    return std::nullopt;
  }

  static std::string notRead(const std::string& top, const std::string& path) {
    const auto name = baseName(path);
    if (!name.empty() && name.front() == '.') return "hidden files are not read; remove it or rename it";
    if (path.find("/.") != std::string::npos) return "hidden folders are not read; remove it or rename it";
    if (top == "sysctl.d") return "not read: sysctl.d/ holds *.conf files and no folders";
    if (top == "modules-load.d") return "not read: modules-load.d/ holds *.conf files and no folders";
    if (top == "manifests") return "not read: manifests/ holds *.yaml, *.yml and *.json files";
    const auto [folder, rest] = splitFirst(path.substr(4));
    if (folder == "config.yaml.d") return "not read: k3s/config.yaml.d/ holds *.yaml files and no folders";
    return "unknown name " + inQuotes(folder) + suggestion(folder, {"config.yaml", "config.yaml.d", "registries.yaml"});
  }

  void error(const std::string& path, std::string message) {
    findings_.push_back({Severity::error, path, 0, 0, std::move(message)});
  }
  // A folder is complained of once, not once for each file in it.
  void once(const std::string& path, std::string message) {
    if (said_.insert(path).second) error(path, std::move(message));
  }

  std::vector<Finding>& findings_;
  Layer layers_[3];
  std::set<std::string> said_;
};

// sysctl.d and modules-load.d also take ';' for a comment.
bool saysNothingAsConf(std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto first = line.find_first_not_of(" \t\r");
    if (first != std::string_view::npos && line[first] != '#' && line[first] != ';') return false;
  }
  return true;
}

}  // namespace

std::vector<Layer> layersOf(const source::Snapshot& snapshot, const Identity& node, std::vector<Finding>& findings) {
  Scan scan(node, findings);
  for (const auto& file : snapshot.files) scan.add(file);
  return scan.take();
}

bool isMask(Area area, std::string_view content) {
  return area == Area::sysctl || area == Area::modules ? saysNothingAsConf(content) : yaml::saysNothing(content);
}

bool saysAnything(const source::Snapshot& snapshot) {
  return std::any_of(snapshot.files.begin(), snapshot.files.end(), [](const source::File& file) {
    if (isIgnored(file.path) || !file.content) return false;
    return endsWith(file.path, ".conf") ? !saysNothingAsConf(*file.content) : !yaml::saysNothing(*file.content);
  });
}

Members members(const source::Snapshot& snapshot) {
  std::set<std::string> roles, nodes;
  for (const auto& file : snapshot.files) {
    const auto [top, rest] = splitFirst(file.path);
    const auto [name, path] = splitFirst(rest);
    if (path.empty()) continue;
    if (top == "roles") roles.insert(name);
    if (top == "nodes") nodes.insert(name);
  }
  return {{roles.begin(), roles.end()}, {nodes.begin(), nodes.end()}};
}

}  // namespace bedplate::cluster
