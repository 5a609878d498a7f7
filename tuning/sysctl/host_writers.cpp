// What this host shows of others that write kernel keys: their files. Read with the same parser as Git's, within
// bounds; what cannot be taken there is not ours to judge and is passed over.
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <map>

#include "tuning/host/paths.h"
#include "tuning/sysctl/pattern.h"
#include "tuning/sysctl/writers.h"

namespace bedplate::sysctl {
namespace {

constexpr std::size_t kMostBytes = 1 << 20, kMostFiles = 1000, kMostRules = 20000;
constexpr int kMostIncludes = 16;  // TuneD's own profiles nest three deep

std::string_view baseName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// Who is known by the name of a file.
std::string ownerOf(std::string_view name) {
  struct Owner {
    std::string_view part, who;
  };
  constexpr std::array kOwners = {
      Owner{"override_cilium", "Cilium"}, Owner{"cloud", "cloud-init"}, Owner{"rke2", "RKE2"}, Owner{"tuned", "TuneD"},
      Owner{"gce", "Google's image"},     Owner{"docker", "Docker"}};
  for (const Owner& owner : kOwners)
    if (name.find(owner.part) != std::string_view::npos) return std::string(owner.who);
  return {};
}

class Reader {
 public:
  explicit Reader(host::Files& files) : files_(files) {}

  HostWriters all() {
    sysctlDirectories();
    sysctlConf();
    ufw();
    tuned();
    for (const auto& [who, path] : kSigns)
      if (there(path) && (result_.present.empty() || result_.present.back() != who)) result_.present.push_back(who);
    return std::move(result_);
  }

 private:
  // Where a program that is in the table shows that it is there.
  static constexpr std::array<std::pair<std::string_view, const char*>, 10> kSigns = {{
      {"Cilium", host::paths::ciliumState},
      {"Cilium", host::paths::ciliumNetwork},
      {"Calico", host::paths::calicoState},
      {"Calico", host::paths::calicoNetwork},
      {"TuneD", host::paths::tunedActive},
      {"ufw", host::paths::ufwState},
      {"systemd-networkd", host::paths::networkdState},
      {"NetworkManager", host::paths::networkManagerState},
      {"Docker", host::paths::dockerSocket},
      {"cloud-init", host::paths::cloudInitState},
  }};

  bool there(const std::string& path) { return files_.info(path).has_value(); }

  std::optional<std::string> text(const std::string& path) {
    auto content = files_.read(path, kMostBytes);
    if (content) return std::move(*content);
    // A link to the null device masks, and is no file.
    if (content.error().reason != "NotFound" && content.error().reason != "NotAFile") unreadable(path);
    return std::nullopt;
  }

  void unreadable(const std::string& path) { result_.unreadable.push_back(path); }

  void add(const std::string& path, const std::string& content, const std::string& who, const std::string& when,
           bool last) {
    auto parsed = parse(content, path);
    if (!parsed.problems.empty()) unreadable(path);
    for (auto& rule : parsed.rules)
      if (!rule.excluded && result_.rules.size() < kMostRules)
        result_.rules.push_back({std::move(rule), who, when, last});
  }

  // By name over all directories; of one name the first directory's counts.
  void sysctlDirectories() {
    std::map<std::string, std::string> byName;
    for (const char* directory : host::paths::sysctlDirectories) {
      const auto names = files_.list(directory, kMostFiles);
      if (!names && names.error().reason != "NotFound") unreadable(directory);
      if (!names) continue;
      for (const auto& name : *names)
        if (name.ends_with(".conf")) byName.emplace(name, host::joinPath(directory, name));
    }
    const std::string_view ours = baseName(host::paths::bootSysctl);
    for (const auto& [name, path] : byName) {
      if (name == ours) continue;
      const auto content = text(path);
      if (!content) continue;
      if (const auto info = files_.info(path); info && info->kind == host::FileKind::symlink)
        linked_.push_back(*content);
      const bool last = name > ours;
      add(path, *content, ownerOf(name), last ? "at boot, after Bedplate's file" : "at boot, before Bedplate's file",
          last);
    }
  }

  // systemd-sysctl does not read it; Debian links it into sysctl.d.
  void sysctlConf() {
    const auto content = text(host::paths::sysctlConf);
    if (!content || std::find(linked_.begin(), linked_.end(), *content) != linked_.end()) return;
    add(host::paths::sysctlConf, *content, "", "by `sysctl --system` and `sysctl -p`, not at boot", false);
  }

  void ufw() {
    const auto state = text(host::paths::ufwState);
    if (!state) return;
    bool enabled = false;
    for (const auto& one : assignments(*state, ""))
      if (one.key == "ENABLED") enabled = one.value == "yes";
    if (!enabled) return;
    std::string file = host::paths::ufwSysctl;
    if (const auto settings = text(host::paths::ufwDefaults))
      for (const auto& one : assignments(*settings, ""))
        if (one.key == "IPT_SYSCTL") file = one.value;
    file.erase(0, file.find_first_not_of('/'));
    if (file.empty()) return;  // told to load none
    if (const auto content = text(file)) add(file, *content, "ufw", "at each start of ufw", false);
  }

  void tuned() {
    const auto active = text(host::paths::tunedActive);
    if (!active) return;
    bool again = true;
    if (const auto settings = text(host::paths::tunedSettings))
      for (const auto& one : assignments(*settings, ""))
        if (one.key == "reapply_sysctl") again = one.value != "0" && one.value != "false";
    when_ = again ? "at each start of TuneD, which then writes sysctl.d over it (reapply_sysctl)"
                  : "at each start of TuneD (reapply_sysctl=0)";
    includes_ = 0;
    for (const auto& name : words(*active)) profile(name);
  }

  static std::vector<std::string> words(std::string_view text) {
    std::vector<std::string> found;
    std::string word;
    for (const char c : text) {
      if (c != ' ' && c != '\n' && c != '\t' && c != ',') {
        word += c;
      } else if (!word.empty()) {
        found.push_back(std::move(word));
        word.clear();
      }
    }
    if (!word.empty()) found.push_back(std::move(word));
    return found;
  }

  // What it includes comes first: later lines win.
  void profile(const std::string& name) {
    if (name.find('/') != std::string::npos || name.starts_with('.') || ++includes_ > kMostIncludes) return;
    for (const char* directory : host::paths::tunedProfiles) {
      const std::string path = host::joinPath(host::joinPath(directory, name), "tuned.conf");
      if (!there(path)) continue;
      const auto content = text(path);
      if (!content) return;
      for (const auto& one : assignments(*content, "main"))
        if (one.key == "include")
          for (const auto& included : words(one.value)) profile(included);
      for (const auto& one : assignments(*content, "sysctl")) {
        const auto key = normaliseKey(one.key);
        if (!key || result_.rules.size() >= kMostRules) continue;
        Rule rule;
        rule.key = *key;
        rule.value = normaliseValue(one.value);
        rule.file = path;
        rule.line = one.line;
        result_.rules.push_back({std::move(rule), "TuneD", when_, false});
      }
      return;
    }
  }

  host::Files& files_;
  HostWriters result_;
  std::vector<std::string> linked_;  // contents of the links in sysctl.d
  std::string when_;
  int includes_ = 0;
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\v\f";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

}  // namespace

HostWriters hostWriters(host::Files& files) { return Reader(files).all(); }

std::vector<const FoundRule*> setting(const HostWriters& host, std::string_view key) {
  const std::string name(key);
  std::vector<const FoundRule*> found;
  for (const FoundRule& one : host.rules)
    if (one.rule.key == key || (one.rule.isGlob() && ::fnmatch(one.rule.key.c_str(), name.c_str(), FNM_PATHNAME) == 0))
      found.push_back(&one);
  return found;
}

std::vector<Assignment> assignments(std::string_view text, std::string_view section) {
  std::vector<Assignment> found;
  std::string_view current;
  for (int line = 1; !text.empty(); ++line) {
    const std::size_t end = text.find('\n');
    const std::string_view one = trimmed(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (one.empty() || one.front() == '#' || one.front() == ';') continue;
    if (one.front() == '[' && one.back() == ']') {
      current = one.substr(1, one.size() - 2);
      continue;
    }
    const std::size_t equals = one.find('=');
    if (current != section || equals == 0 || equals == std::string_view::npos) continue;
    std::string_view value = trimmed(one.substr(equals + 1));
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
      value = value.substr(1, value.size() - 2);
    found.push_back({line, std::string(trimmed(one.substr(0, equals))), std::string(value)});
  }
  return found;
}

}  // namespace bedplate::sysctl
