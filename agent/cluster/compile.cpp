#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "agent/cluster/cluster.h"
#include "agent/cluster/credential_rules.h"
#include "agent/cluster/endpoint_rules.h"
#include "agent/cluster/k3s_rules.h"
#include "agent/cluster/layout.h"
#include "agent/cluster/manifest_rules.h"
#include "agent/cluster/manifests.h"
#include "agent/cluster/names.h"
#include "agent/cluster/node_yaml.h"
#include "agent/cluster/tuning_advice.h"
#include "agent/cluster/tuning_rules.h"
#include "agent/cluster/yaml.h"

namespace bedplate::cluster {
namespace {

// What a problem of a sealed text says without any of the text: between quotes it may stand, and behind what yaml-cpp
// says of a single character.
std::string withoutContent(const std::string& message) {
  constexpr std::string_view kSyntax = "not valid YAML";
  if (message.starts_with(kSyntax)) return std::string(kSyntax) + " (the text is sealed, and not shown)";
  const auto first = message.find('\''), last = message.rfind('\'');
  if (first == std::string::npos || first == last) return message;
  return message.substr(0, first) + "(sealed)" + message.substr(last + 1);
}

constexpr std::size_t kRememberedBlobs = 20000;  // some 5 MiB; then the memory starts anew

// A file that survived the layers above it.
struct Kept {
  const LayerFile* file = nullptr;
  const Layer* layer = nullptr;
};

class Compiler {
 public:
  Compiler(const Identity& node, const Policy& floor, ValidBlobs* valid, const trust::Opener* opener)
      : floor_(floor), valid_(valid), opener_(opener), nodeYaml_(findings_) {
    desired_.node = node;
  }

  Compiled run(const source::Snapshot& snapshot, const std::vector<source::Refusal>& refusals) {
    for (const auto& refusal : refusals) say(Severity::error, refusal.path, {}, refusal.why);
    if (refusals.empty() && !saysAnything(snapshot))
      say(Severity::error, "", {},
          "nothing in this directory says anything: it would take everything back on every node; check the path, use "
          "`bedplate suspend` to pause a node, or `bedplate release` to let it go");
    credentials_ = credentialsOf(snapshot, valid_);
    layers_ = layersOf(snapshot, desired_.node, findings_);
    for (const auto& layer : layers_) {
      desired_.layers.push_back(layer.name);
      for (const auto& file : layer.files) take(layer, file);
    }
    desired_.config = nodeYaml_.finish();
    collect(snapshot);
    adviseOnTuning(desired_, findings_);
    judgeCredentials(credentials_, tightened(floor_, desired_.config).denyRawSecrets, findings_);
    return finish();
  }

 private:
  void say(Severity severity, const std::string& file, yaml::Place at, std::string message) {
    findings_.push_back({severity, file, at.line, at.column, std::move(message)});
  }

  void say(Severity severity, const std::string& file, yaml::Place at, const host::Error& error) {
    say(severity, file, at, error.text());
  }

  // Every file is judged, also one that a later layer replaces: it may be another node's only one.
  void take(const Layer& layer, const LayerFile& file) {
    const auto& text = *file.file->content;
    // What is wrong with such a line would be told with its text.
    if (mayBeQuoted(file.area) && holdsCredential(credentials_, file.file->path, floor_.denyRawSecrets)) return;
    if (file.area == Area::nodeYaml) return nodeYaml_.add(file.file->path, text);
    if (isMask(file.area, text)) {
      if (kept_.erase(file.path) == 0)
        say(Severity::note, file.file->path, {},
            "empty, and no layer before has " + printable(file.path) + ": masks nothing");
      return;
    }
    if (file.sealed)
      judgeSealed(*file.file);
    else if (file.area == Area::k3s)
      judgeK3s(file.file->path, text, /*secret=*/false);
    if (file.area == Area::manifest) judgeManifest(file);
    if (file.area == Area::sysctl) judgeSysctl(file);
    if (file.area == Area::modules) judgeModules(file);
    kept_[file.path] = {&file, &layer};
  }

  static bool mayBeQuoted(Area area) { return area != Area::k3s && area != Area::manifest; }

  void judgeK3s(const std::string& path, std::string_view text, bool secret) {
    auto document = yaml::read(text);
    for (const auto& problem : document.problems)
      say(Severity::error, path, problem.at, secret ? withoutContent(problem.message) : problem.message);
    if (document.problems.empty() && document.root.kind != yaml::Kind::mapping)
      say(Severity::error, path, document.root.at, "K3s reads a mapping of keys to values here");
    if (secret) yaml::wipe(document.root);
  }

  // The form alone: a layer above may replace the file, and then no key of this node need open it.
  void judgeSealed(const source::File& file) {
    if (const auto form = trust::looksSealed(*file.content); !form) say(Severity::error, file.path, {}, form.error());
  }

  // What a sealed file stands for is judged like any other.
  std::shared_ptr<const trust::Secret> open(const source::File& file) {
    using Opened = host::Result<trust::Secret>;
    auto opened = opener_ == nullptr ? Opened(host::fail(trust::kNotHere, "", ""))
                                     : (*opener_)(*file.content, trust::sealedFor(desired_.node.cluster, file.path));
    if (!opened && opened.error().reason == trust::kNotHere) {
      if (trust::looksSealed(*file.content))
        say(Severity::note, file.path, {},
            "sealed: its form is good; what is in it cannot be checked here, where its key is not");
      return nullptr;
    }
    if (!opened) {
      // Of what has not even the form it is said already.
      if (opened.error().reason != "NotSealed") say(Severity::error, file.path, {}, opened.error());
      return nullptr;
    }
    auto secret = std::make_shared<const trust::Secret>(std::move(*opened));
    if (yaml::saysNothing(secret->view()))
      say(Severity::error, file.path, {}, "nothing is in it: to mask a file, leave this one empty and do not seal it");
    else
      judgeK3s(file.path, secret->view(), /*secret=*/true);
    return secret;
  }

  void judgeManifest(const LayerFile& layered) {
    const auto& file = *layered.file;
    const bool hasId = valid_ != nullptr && !file.id.empty();
    if (hasId) {
      const auto known = valid_->manifests.find(file.id);
      if (known != valid_->manifests.end()) {
        objects_[&layered] = known->second;
        return;
      }
    }
    auto manifest = readManifest(*file.content);
    for (const auto& problem : manifest.problems) say(Severity::error, file.path, problem.at, problem.message);
    auto objects = std::make_shared<const std::vector<Object>>(std::move(manifest.objects));
    objects_[&layered] = objects;
    if (!hasId || !manifest.problems.empty()) return;
    if (valid_->manifests.size() >= kRememberedBlobs) valid_->manifests.clear();
    valid_->manifests.emplace(file.id, std::move(objects));
  }

  void judgeSysctl(const LayerFile& file) {
    const auto& path = file.file->path;
    auto parsed = sysctl::parse(*file.file->content, path);
    for (const auto& problem : parsed.problems)
      say(Severity::error, path, {problem.line, problem.column}, problem.message);
    for (const auto& rule : parsed.rules) {
      if (rule.excluded) continue;
      if (const auto why = sysctl::refused(rule.key, rule.value))
        say(Severity::error, path, {rule.line, 0}, "refused: " + *why);
    }
    rules_[&file] = std::move(parsed.rules);
  }

  void judgeModules(const LayerFile& file) {
    const auto& path = file.file->path;
    auto parsed = modules::parse(*file.file->content, path);
    for (const auto& problem : parsed.problems)
      say(Severity::error, path, {problem.line, problem.column}, problem.message);
    modules_[&file] = std::move(parsed.entries);
  }

  void collect(const source::Snapshot& snapshot) {
    desired_.sysctls = profileRules(desired_.config);
    for (const auto& layer : layers_) collectSysctls(layer);
    for (auto& floor : floorRules(desired_.config)) desired_.sysctls.push_back(std::move(floor));
    std::set<std::string> seenModules;
    std::map<std::string, const Kept*> byLowerCase;
    std::vector<JudgedManifest> manifests;
    for (const auto& [path, kept] : kept_) {
      const auto& source = *kept.file->file;
      if (kept.file->area == Area::modules)
        for (const auto& entry : modules_[kept.file])
          if (seenModules.insert(entry.name).second) desired_.modules.push_back({entry, kept.layer->name});
      if (kept.file->area == Area::k3s)
        desired_.k3s.push_back({path, kept.layer->name, source.path, source.content, nullptr, kept.file->sealed,
                                kept.file->sealed ? open(source) : nullptr});
      if (kept.file->area != Area::manifest) continue;
      const auto [other, isNew] = byLowerCase.emplace(lower(path), &kept);
      if (!isNew)
        say(Severity::error, source.path, {},
            "differs from " + printable(other->second->file->file->path) + " only in upper and lower case: rename one");
      manifests.push_back({source.path, objects_[kept.file]});
      // Only servers have a directory for manifests; one made on an agent would only mislead.
      if (desired_.node.role != "agent")
        desired_.manifests.push_back({path, kept.layer->name, source.path, source.content, objects_[kept.file]});
    }
    const Policy policy = tightened(floor_, desired_.config);
    judgeTogether(manifests, policy.denyRawSecrets, findings_);
    judgeK3sConfig(desired_, policy, findings_);
    judgeEndpoints(desired_, snapshot, manifests, policy, findings_);
    handOverConntrack(desired_, findings_);
  }

  // The rules of what this layer kept, by file name: paths are "sysctl.d/<name>", and kept_ is in their order.
  void collectSysctls(const Layer& layer) {
    std::map<std::string, sysctl::Rule> last;
    for (const auto& [path, kept] : kept_) {
      if (kept.layer != &layer || kept.file->area != Area::sysctl) continue;
      for (const auto& rule : rules_[kept.file]) {
        const auto [before, isNew] = last.emplace(rule.key, rule);
        if (!isNew && !rule.excluded && !before->second.excluded && before->second.value != rule.value)
          say(Severity::warning, rule.file, {rule.line, 0},
              fmt::format("{} is {} here and {} in {}:{} of the same layer; the value here wins",
                          sysctl::dotted(rule.key), inQuotes(rule.value), inQuotes(before->second.value),
                          printable(before->second.file), before->second.line));
        before->second = rule;
        desired_.sysctls.push_back({rule, layer.name});
      }
    }
  }

  Compiled finish() {
    Compiled result;
    std::sort(findings_.begin(), findings_.end(), [](const Finding& a, const Finding& b) {
      return std::tie(a.file, a.line, a.column, a.severity, a.message) <
             std::tie(b.file, b.line, b.column, b.severity, b.message);
    });
    findings_.erase(std::unique(findings_.begin(), findings_.end()), findings_.end());
    const bool failed = std::any_of(findings_.begin(), findings_.end(),
                                    [](const Finding& finding) { return finding.severity == Severity::error; });
    result.findings = std::move(findings_);
    if (!failed) result.desired = std::move(desired_);
    return result;
  }

  const Policy& floor_;
  ValidBlobs* valid_;
  const trust::Opener* opener_;
  std::vector<Finding> findings_;
  NodeYaml nodeYaml_;
  Desired desired_;
  Credentials credentials_;
  std::vector<Layer> layers_;
  std::map<std::string, Kept> kept_;  // by path within the layer
  std::map<const LayerFile*, std::vector<sysctl::Rule>> rules_;
  std::map<const LayerFile*, std::vector<modules::Entry>> modules_;
  std::map<const LayerFile*, Objects> objects_;
};

}  // namespace

std::string text(const Finding& finding) {
  std::string place = finding.file.empty() ? "cluster directory" : printable(finding.file);
  if (finding.line > 0) place += fmt::format(":{}", finding.line);
  if (finding.line > 0 && finding.column > 0) place += fmt::format(":{}", finding.column);
  const char* severity = finding.severity == Severity::error     ? "error"
                         : finding.severity == Severity::warning ? "warning"
                                                                 : "note";
  return place + ": " + severity + ": " + finding.message;
}

Compiled compile(const source::Snapshot& snapshot, const std::vector<source::Refusal>& refusals, const Identity& node,
                 const Policy& floor, ValidBlobs* valid, const trust::Opener* opener) {
  return Compiler(node, floor, valid, opener).run(snapshot, refusals);
}

std::string_view textOf(const FileWant& file) {
  if (!file.sealed) return *file.content;
  return file.opened ? file.opened->view() : std::string_view();
}

}  // namespace bedplate::cluster
