#include "agent/k3s/k3s.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "agent/k3s/lines.h"
#include "tuning/host/paths.h"
#include "tuning/host/wiped.h"

namespace bedplate::k3s {
namespace {

namespace paths = host::paths;

constexpr std::size_t kFileLimit = 1 << 20;
constexpr std::size_t kLabel = 63;       // RFC 1123
constexpr std::size_t kHashDigits = 12;  // 48 bits: ten thousand paths with one slug collide once in six million times
constexpr std::string_view kRoot = "manifests/";

std::string readOr(host::Files& files, const std::string& path) {
  auto text = files.read(path, kFileLimit);
  return text ? *std::move(text) : std::string();
}

// The role in the unit's command line, else the one its name stands for; nullopt when there is no unit.
std::optional<std::string> roleOfUnit(host::Files& files, const char* unit, const char* named) {
  const auto text = files.read(unit, kFileLimit);
  if (!text) return std::nullopt;  // also a masked one, which is a link to /dev/null
  for (const auto& word : commandWords(*text))
    if (word == "server" || word == "agent") return word;
  return named;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::string sha256Hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) std::abort();
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    hex += kDigits[digest[i] >> 4];
    hex += kDigits[digest[i] & 15];
  }
  return hex;
}

bool endsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// "argocd/argo-cd.yaml" -> "argocd-argo-cd": letters and digits in lower case, a dash for each run of others.
std::string slug(std::string_view path) {
  const auto dot = path.rfind('.');
  if (dot != std::string_view::npos && path.find('/', dot) == std::string_view::npos) path = path.substr(0, dot);
  std::string result;
  for (const char c : lower(path)) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (good)
      result += c;
    else if (!result.empty() && result.back() != '-')
      result += '-';
    if (result.size() == kLabel - kHashDigits - 1) break;
  }
  while (!result.empty() && result.back() == '-') result.pop_back();
  return result.empty() ? "manifest" : result;
}

// What K3s takes for an option, as it merges them: the main file, the drop-ins in byte order, the command line; the
// last word counts.
std::optional<std::string> detectOption(host::Files& files, const std::string& key) {
  std::optional<std::string> found;
  for (const auto& path : configFiles(files)) {
    std::string text = readOr(files, path);
    if (auto value = topLevelValue(text, key)) found = std::move(value);
    host::wipe(text);
  }
  const std::string option = (key.size() == 1 ? "-" : "--") + key;
  for (const char* unit : {paths::k3sServerUnit, paths::k3sAgentUnit})
    if (auto value = optionValue(commandWords(readOr(files, unit)), option)) found = std::move(value);
  return found;
}

}  // namespace

std::optional<std::string> detectRole(host::Files& files) {
  if (auto role = roleOfUnit(files, paths::k3sServerUnit, "server")) return role;
  if (auto role = roleOfUnit(files, paths::k3sAgentUnit, "agent")) return role;
  const auto data = files.info(paths::k3sServerDir);
  if (data && data->kind == host::FileKind::directory) return "server";
  return std::nullopt;
}

std::vector<std::string> configFiles(host::Files& files) {
  constexpr std::size_t kMost = 1000;
  const std::string base = host::joinPath(paths::k3sConfigDir, "config.yaml");
  std::vector<std::string> found;
  if (files.info(base)) found.push_back(base);
  if (const auto names = files.list(base + ".d", kMost))
    for (const auto& file : *names)
      if (endsWith(lower(file), ".yaml") || endsWith(lower(file), ".yml"))
        found.push_back(host::joinPath(base + ".d", file));
  return found;
}

std::string detectNodeName(host::Files& files) {
  const auto name = detectOption(files, "node-name");
  if (name && !name->empty()) return lower(*name);
  const auto host = firstLine(readOr(files, paths::hostname));
  return lower(std::string_view(host).substr(0, host.find('.')));
}

std::string detectDataDir(host::Files& files) {
  auto directory = detectOption(files, "data-dir");
  if (!directory) directory = detectOption(files, "d");
  // A relative one depends on where K3s was started.
  if (!directory || directory->size() < 2 || directory->front() != '/' || directory->find("..") != std::string::npos)
    return host::parentPath(paths::k3sServerDir);
  while (directory->size() > 1 && directory->back() == '/') directory->pop_back();
  directory->erase(0, directory->find_first_not_of('/'));
  return directory->empty() ? host::parentPath(paths::k3sServerDir) : *directory;
}

std::string detectLogFile(host::Files& files) {
  auto path = detectOption(files, "log");
  if (!path) path = detectOption(files, "l");
  if (!path || path->size() < 2 || path->front() != '/' || path->find("..") != std::string::npos) return {};
  return path->substr(path->find_first_not_of('/'));
}

std::vector<std::string> unitWords(host::Files& files, const std::string& role) {
  return commandWords(readOr(files, role == "agent" ? paths::k3sAgentUnit : paths::k3sServerUnit));
}

bool hasExternalDatastore(host::Files& files) {
  auto endpoint = detectOption(files, "datastore-endpoint");
  const bool external = endpoint && !endpoint->empty() && !endpoint->starts_with("sqlite");
  if (endpoint) host::wipe(*endpoint);
  return external;
}

bool serverHasRun(host::Files& files) {
  const auto info = files.info(host::joinPath(paths::k3sServerDir, "tls"));  // made at the first start, first of all
  return info && info->kind == host::FileKind::directory;
}

bool severalServers(host::Files& files) {
  // K3s makes db/etcd beside SQLite as well; a member of a cluster keeps its log there.
  const auto member = files.info(host::joinPath(detectDataDir(files), "server/db/etcd/member"));
  return (member && member->kind == host::FileKind::directory) || hasExternalDatastore(files);
}

bool isManifestName(std::string_view name) {
  const std::string end = lower(name.substr(std::min(name.rfind('.'), name.size())));
  return !name.empty() && name.front() != '.' && (end == ".yaml" || end == ".yml" || end == ".json");
}

bool isPackaged(std::string_view name) {
  constexpr std::array<std::string_view, 6> kPackaged = {"ccm",          "coredns",  "local-storage",
                                                         "rolebindings", "runtimes", "traefik"};
  const std::string_view stem = name.substr(0, name.find('.'));
  return std::find(kPackaged.begin(), kPackaged.end(), stem) != kPackaged.end();
}

std::string manifestFileName(std::string_view path) {
  const auto within = path.substr(0, kRoot.size()) == kRoot ? path.substr(kRoot.size()) : path;
  return slug(within) + "-" + sha256Hex(path).substr(0, kHashDigits) + (endsWith(path, ".json") ? ".json" : ".yaml");
}

std::string configTarget(std::string_view path) {
  constexpr std::string_view kFolder = "k3s/";
  if (path.substr(0, kFolder.size()) == kFolder) path.remove_prefix(kFolder.size());
  return host::joinPath(paths::k3sConfigDir, path);
}

std::string kubeProxyDropIn(const std::vector<std::string>& args) {
  std::string text =
      "# Managed by bedplate: what tuning.conntrack in node.yaml sets, K3s and kube-proxy leave alone.\n"
      "kube-proxy-arg+:\n";
  for (const auto& arg : args) text += "- " + arg + "\n";
  return text;
}

std::string lastDropIn(std::string_view name, const std::vector<std::string>& others) {
  constexpr std::size_t kLongestName = 255;
  const std::string directory = std::string(paths::k3sConfigDir) + "/config.yaml.d/";
  std::string last = "zz-" + std::string(name);
  for (const auto& other : others) {
    if (other.compare(0, directory.size(), directory) != 0) continue;
    const std::string theirs = other.substr(directory.size());
    while (last <= theirs && last.size() < kLongestName) last.insert(0, "z");
  }
  return directory + last;
}

}  // namespace bedplate::k3s
