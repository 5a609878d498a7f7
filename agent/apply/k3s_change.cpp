#include "agent/apply/k3s_change.h"

#include <algorithm>
#include <map>
#include <set>

#include "agent/cluster/k3s_keys.h"
#include "agent/k3s/k3s.h"
#include "tuning/host/paths.h"
#include "tuning/host/wiped.h"

namespace bedplate::apply {
namespace {

constexpr std::size_t kFileLimit = 1 << 20;

using Texts = std::map<std::string, std::string>;  // by path below the root

std::string shown(const std::string& key, const std::vector<cluster::K3sItem>& items) {
  if (items.empty()) return "unset";
  if (cluster::isSecretKey(key)) return "(a secret)";
  std::string all;
  for (const auto& item : items) {
    if (item.secret) return "(sealed)";
    all += (all.empty() ? "" : ",") + item.text;
  }
  return all;
}

cluster::K3sConfig merged(const Texts& texts, const std::set<std::string>& secret) {
  // By path config.yaml comes before config.yaml.d/, and these by name: K3s's own order.
  std::vector<cluster::K3sText> ordered;
  for (const auto& [path, text] : texts) ordered.push_back({path, text, secret.contains(path)});
  return cluster::effectiveConfig(ordered);
}

bool sameValues(const cluster::K3sConfig& a, const cluster::K3sConfig& b, const std::string& key) {
  static const std::vector<cluster::K3sItem> kNone;
  const auto of = [&](const cluster::K3sConfig& config) -> const std::vector<cluster::K3sItem>& {
    const auto found = config.find(key);
    return found == config.end() ? kNone : found->second;
  };
  return std::equal(of(a).begin(), of(a).end(), of(b).begin(), of(b).end(),
                    [](const auto& one, const auto& other) { return one.text == other.text; });
}

std::set<std::string> differing(const K3sChange& change) {
  std::set<std::string> keys;
  for (const auto* config : {&change.before, &change.after})
    for (const auto& [key, items] : *config)
      if (!sameValues(change.before, change.after, key)) keys.insert(key);
  return keys;
}

}  // namespace

K3sChange k3sChange(host::Files& files, const plan::Target& target, const plan::Held& held, const K3sSealed& sealed) {
  std::set<std::string> secret = sealed.paths;
  for (const auto& file : target.files)
    if (file.sealed) secret.insert(file.path);
  Texts texts;
  for (const auto& path : k3s::configFiles(files))
    if (auto text = files.read(path, kFileLimit)) texts[path] = std::move(*text);
  K3sChange change;
  change.before = merged(texts, secret);
  std::set<std::string> kept;
  for (const auto& file : target.files) kept.insert(file.path);
  for (const auto& [path, original] : held.files)
    if (original.area == plan::Area::k3sConfig && kept.count(path) == 0)
      if (const auto gone = texts.find(path); gone != texts.end()) {
        host::wipe(gone->second);
        texts.erase(gone);
      }
  for (const auto& file : target.files)
    if (file.area == plan::Area::k3sConfig && file.content && !file.path.ends_with("registries.yaml")) {
      auto& text = texts[file.path];
      if (!file.sealed) {
        host::wipe(text);
        text = *file.content;
      } else if (sealed.open) {
        if (const auto opened = sealed.open(file)) {
          host::wipe(text);
          text = opened->view();
        }
      }
    }
  change.after = merged(texts, secret);
  for (auto& [path, text] : texts) host::wipe(text);
  return change;
}

std::vector<std::string> text(const K3sChange& change) {
  std::vector<std::string> lines;
  const cluster::K3sConfig none;
  const auto of = [&](const cluster::K3sConfig& config, const std::string& key) {
    const auto found = config.find(key);
    return found == config.end() ? shown(key, {}) : shown(key, found->second);
  };
  for (const auto& key : differing(change))
    lines.push_back(key + ": " + of(change.before, key) + " -> " + of(change.after, key));
  return lines;
}

std::vector<std::string> criticalChanges(host::Files& files, const K3sChange& change) {
  // K3s makes it at its first start as a server, with the data that these values are baked into.
  if (!files.info(host::joinPath(host::paths::k3sServerDir, "db"))) return {};
  std::vector<std::string> keys;
  for (const auto& key : differing(change)) {
    const auto critical = cluster::criticalKeys();
    if (std::find(critical.begin(), critical.end(), key) != critical.end()) keys.push_back(key);
  }
  return keys;
}

}  // namespace bedplate::apply
