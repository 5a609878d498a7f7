// What K3s makes of its files, and what it says it was started with.
#include <algorithm>
#include <map>
#include <set>

#include "agent/apply/fingerprint.h"
#include "agent/apply/k3s_trial.h"
#include "agent/cluster/k3s_config.h"
#include "agent/cluster/k3s_keys.h"
#include "agent/k3s/k3s.h"
#include "tuning/host/paths.h"
#include "tuning/host/wiped.h"

namespace bedplate::apply {
namespace {

constexpr std::size_t kFileLimit = 1 << 20;
constexpr std::size_t kKeyMark = 8;

using Values = std::map<std::string, std::vector<std::string>>;

std::string registries() { return host::joinPath(host::paths::k3sConfigDir, "registries.yaml"); }

cluster::K3sConfig configOf(host::Files& files) {
  std::vector<std::string> texts;
  const auto paths = k3s::configFiles(files);
  texts.reserve(paths.size());  // what follows points into it
  std::vector<cluster::K3sText> ordered;
  for (const auto& path : paths)
    if (auto text = files.read(path, kFileLimit)) {
      texts.push_back(std::move(*text));
      ordered.push_back({path, texts.back()});
    }
  auto config = cluster::effectiveConfig(ordered);
  for (auto& text : texts) host::wipe(text);
  return config;
}

void addScalars(const cluster::yaml::Node& node, std::vector<std::string>& all) {
  if (node.kind == cluster::yaml::Kind::scalar) all.push_back(node.text);
  for (const auto& item : node.items) addScalars(item, all);
  for (const auto& entry : node.entries) addScalars(entry.value, all);
}

// No word of these tells anything.
bool isCommon(const std::string& value) { return value.empty() || value == "true" || value == "false"; }

// Length before text: no two lists of texts look alike.
void add(std::string& all, std::string_view text) {
  all += std::to_string(text.size()) + ":";
  all += text;
}

bool isSecret(const std::string& key) { return cluster::isSecretKey(key) || key == "t"; }

// The words of a command line by option. Of a word that begins with a dash and follows an option without a value it
// cannot be said which of the two it is: it counts as an option where K3s knows one of that name.
Values optionsOf(const std::vector<std::string>& words) {
  Values values;
  std::string open;
  const auto close = [&] {
    if (!open.empty()) values[open].emplace_back("true");
    open.clear();
  };
  for (const auto& word : words) {
    const std::size_t dashes = std::min(word.find_first_not_of('-'), word.size());
    const std::string name =
        word.substr(dashes, word.find('=') == std::string::npos ? word.size() : word.find('=') - dashes);
    const bool option = dashes > 0 && (open.empty() || cluster::takenBy(name) != cluster::TakenBy::nobody);
    if (!option && !open.empty()) {
      values[open].push_back(word);
      open.clear();
    } else if (option) {
      close();
      if (const std::size_t equals = word.find('='); equals != std::string::npos)
        values[name].push_back(word.substr(equals + 1));
      else
        open = name;
    }
  }
  close();
  return values;
}

std::string shown(const Values& values, const std::string& key) {
  const auto found = values.find(key);
  if (found == values.end() || found->second.empty()) return "unset";
  std::string all;
  for (const auto& value : found->second) all += (all.empty() ? "" : ",") + value;
  return all;
}

}  // namespace

std::string k3sPart(const plan::Target& target) {
  std::string all;
  for (const auto& file : target.files) {
    if (file.area != plan::Area::k3sConfig) continue;
    add(all, file.path);
    add(all, std::to_string(file.mode));
    add(all, file.sha256);
  }
  return all.empty() ? std::string() : plan::sha256(all);
}

std::string effectiveK3s(host::Files& files) {
  std::string all;
  const host::Wiped wiped(all);
  all.reserve(2 * kFileLimit);  // what grows leaves copies behind
  auto config = configOf(files);
  for (const auto& [key, items] : config) {
    add(all, key);
    add(all, std::to_string(items.size()));
    for (const auto& item : items) add(all, item.text);
  }
  wipe(config);
  if (auto text = files.read(registries(), kFileLimit)) {
    add(all, *text);
    host::wipe(*text);
  }
  const Fingerprint fingerprint = Fingerprint::of(files);
  return fingerprint("").substr(0, kKeyMark) + ":" + fingerprint(all);
}

bool ofOneKey(std::string_view one, std::string_view other) {
  const auto mark = one.substr(0, kKeyMark + 1);
  return mark.ends_with(':') && other.starts_with(mark);
}

std::string withoutSealed(host::Files& files, const std::set<std::string>& sealed, const std::string& line) {
  static const std::string kHidden = "(not shown, as it quotes a sealed file: journalctl -u k3s)";
  for (const auto& path : sealed) {
    auto text = files.read(path, kFileLimit);
    if (!text) continue;
    const host::Wiped wiped(*text);
    auto document = cluster::yaml::read(*text);
    std::vector<std::string> values;
    const host::Wiped wipedToo(values);
    addScalars(document.root, values);
    cluster::yaml::wipe(document.root);
    const bool quotes = std::any_of(values.begin(), values.end(), [&](const std::string& value) {
      return !isCommon(value) && line.find(value) != std::string::npos;
    });
    if (quotes || !document.problems.empty()) return kHidden;
  }
  return line;
}

std::int64_t k3sFilesChangedUs(host::Files& files) {
  auto paths = k3s::configFiles(files);
  paths.push_back(registries());
  // One that was removed from here leaves its mark on the directory.
  paths.push_back(host::joinPath(host::paths::k3sConfigDir, "config.yaml.d"));
  std::int64_t newest = 0;
  for (const auto& path : paths)
    if (const auto info = files.info(path)) newest = std::max({newest, info->changedNs, info->modifiedNs});
  return newest / 1000;
}

std::vector<std::string> startedDifferently(host::Files& files, const std::string& role,
                                            const std::vector<std::string>& nodeArgs,
                                            const std::set<std::string>& sealed) {
  const bool names =
      std::any_of(sealed.begin(), sealed.end(), [](const std::string& path) { return path != registries(); });
  const Values started = optionsOf(nodeArgs);
  Values wanted;
  auto config = configOf(files);
  for (const auto& [key, items] : config)
    for (const auto& item : items) wanted[key].push_back(item.text);
  wipe(config);
  // The command line comes last: a list grows by it, of anything else its value counts, which is there in both.
  for (auto& [key, values] : optionsOf(k3s::unitWords(files, role)))
    wanted[key].insert(wanted[key].end(), values.begin(), values.end());
  std::set<std::string> keys;
  for (const Values* side : std::initializer_list<const Values*>{&started, &wanted})
    for (const auto& [key, values] : *side) keys.insert(key);
  std::vector<std::string> lines;
  for (const auto& key : keys) {
    // A server drops what it does not know before it says what it was started with.
    if (isSecret(key) || (role != "agent" && cluster::takenBy(key) == cluster::TakenBy::nobody)) continue;
    const std::string from = shown(started, key), to = shown(wanted, key);
    if (from != to) lines.push_back(names ? key + ": changed" : key + ": " + from + " -> " + to);
  }
  for (auto& [key, values] : wanted)
    for (auto& value : values) host::wipe(value);
  return lines;
}

}  // namespace bedplate::apply
