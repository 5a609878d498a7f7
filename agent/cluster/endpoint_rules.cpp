#include "agent/cluster/endpoint_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agent/cluster/k3s_config.h"
#include "agent/cluster/k3s_rules.h"
#include "agent/cluster/mentions.h"
#include "agent/cluster/names.h"
#include "tuning/host/paths.h"

namespace bedplate::cluster {
namespace {

constexpr std::string_view kRegistries = "k3s/registries.yaml";
constexpr std::string_view kDockerHub = "docker.io";
constexpr std::string_view kDisable = "disable-default-registry-endpoint";

constexpr std::string_view kSealed = ".sealed";

bool isTrue(std::string_view text) { return text == "true" || text == "True" || text == "TRUE" || text == "1"; }

class Judge {
 public:
  Judge(const Desired& desired, const source::Snapshot& snapshot, const std::vector<JudgedManifest>& manifests,
        const Policy& policy, std::vector<Finding>& findings)
      : desired_(desired), snapshot_(snapshot), manifests_(manifests), policy_(policy), findings_(findings) {}

  void all() {
    for (const auto& manifest : manifests_)
      for (const auto& object : *manifest.objects)
        for (const auto& mention : object.mentions) mentioned(manifest.file, object, mention);
    if (policy_.endpoints.empty()) return;
    read();
    snapshots();
    mirrors();
    images();
    arguments();
    others();
    wipe(config_);
    yaml::wipe(registries_);
  }

 private:
  void say(Severity severity, const std::string& file, yaml::Place at, std::string message) {
    findings_.push_back({severity, file, at.line, at.column, std::move(message)});
  }

  // Each list must hold one of these names of one host; the list that does not, in words.
  [[nodiscard]] std::optional<std::string> refusedBy(const std::vector<std::string>& names) const {
    for (const auto& patterns : policy_.endpoints) {
      const auto allows = [&](const std::string& name) { return hostAllowed(name, patterns); };
      if (std::any_of(names.begin(), names.end(), allows)) continue;
      std::string all;
      for (const auto& pattern : patterns) all += (all.empty() ? "" : ", ") + pattern;
      return all.empty() ? "this machine" : all;
    }
    return std::nullopt;
  }

  void refuse(const std::string& file, yaml::Place at, const std::vector<std::string>& names, const std::string& why,
              const std::string& way = "") {
    const auto only = refusedBy(names);
    if (only && file.ends_with(kSealed))
      say(Severity::error, file, at,
          "refused by policy.endpoints: what it names, or leaves to K3s, is not shown, as the file is sealed; only " +
              *only + " may be reached");
    else if (only)
      say(Severity::error, file, at,
          fmt::format("refused by policy.endpoints: {}, and only {} may be reached{}", why, *only, way));
  }

  void mentioned(const std::string& file, const Object& object, const Mention& mention) {
    const std::string where = shown(object) + ": " + printable(mention.what);
    if (mention.kind == Mention::Kind::credential)
      say(Severity::warning, file, mention.at,
          where +
              " looks like a credential in plain text: whoever reads the repository, or its history, reads it; name a "
              "Secret (spec.valuesSecrets, or what the chart has for it)");
    else if (mention.kind == Mention::Kind::standard)
      refuse(file, mention.at, {mention.host}, where + " means " + inQuotes(mention.host), ": set spec.repo");
    else
      refuse(file, mention.at, {mention.host}, where + " names " + inQuotes(mention.host));
  }

  void read() {
    std::vector<K3sText> texts;
    for (const auto& file : desired_.k3s) {
      if (file.path != kRegistries) {
        texts.push_back({file.file, textOf(file), file.sealed});
        continue;
      }
      registriesFile_ = file.file;
      unknown_ = file.sealed && !file.opened;
      auto document = yaml::read(textOf(file));
      if (document.problems.empty()) registries_ = std::move(document.root);
    }
    config_ = effectiveConfig(texts);
  }

  [[nodiscard]] const K3sItem* said(const std::string& key) const {
    const auto found = config_.find(key);
    if (found == config_.end() || found->second.empty() || found->second.back().text.empty()) return nullptr;
    return &found->second.back();
  }

  // A key that only servers take, and that agents get from them.
  [[nodiscard]] bool serversSay(const std::string& key) const {
    if (said(key) != nullptr) return true;
    if (desired_.node.role != "agent") return false;
    std::vector<K3sText> texts;
    for (const auto& file : snapshot_.files)
      if (file.content && file.path.starts_with("roles/server/k3s/config.yaml")) texts.push_back({"", *file.content});
    const auto servers = effectiveConfig(texts);
    const auto found = servers.find(key);
    return found != servers.end() && !found->second.empty() && !found->second.back().text.empty();
  }

  // Where etcd's snapshots go (pkg/etcd/s3: the Secret counts only where no other key does, but for the retention).
  void snapshots() {
    const auto* on = said("etcd-s3");
    if (on == nullptr || !isTrue(on->text) || said("etcd-s3-endpoint") != nullptr) return;
    const std::vector<std::string> amazon = {"s3.amazonaws.com"};
    const std::string why = "etcd's snapshots go to s3.amazonaws.com when nothing else is said";
    const auto* secret = said("etcd-s3-config-secret");
    if (secret == nullptr) return refuse(on->file, on->at, amazon, why, ": set etcd-s3-endpoint");
    for (const auto& [key, items] : config_) {
      if (!key.starts_with("etcd-s3-") || key == "etcd-s3-config-secret" || key == "etcd-s3-retention") continue;
      return refuse(on->file, on->at, amazon, why,
                    ": K3s passes over etcd-s3-config-secret because " + printable(key) +
                        " is set as well; set etcd-s3-endpoint, or move all of it into the Secret");
    }
    for (const auto& manifest : manifests_)
      for (const auto& object : *manifest.objects)
        if (object.group.empty() && object.kind == "Secret" && object.space == "kube-system" &&
            object.name == secret->text) {
          const auto isEndpoint = [](const Mention& mention) { return mention.what == "etcd-s3-endpoint"; };
          if (std::none_of(object.mentions.begin(), object.mentions.end(), isEndpoint))
            refuse(manifest.file, object.at, amazon, why, ": give " + shown(object) + " an etcd-s3-endpoint");
          return;
        }
    if (refusedBy(amazon))
      say(Severity::note, secret->file, secret->at,
          "the Secret kube-system/" + (secret->secret ? "(sealed)" : printable(secret->text)) +
              " is not here in plain text: which etcd-s3-endpoint it names is not known to policy.endpoints");
  }

  [[nodiscard]] const yaml::Node* registry(std::string_view section, std::string_view name) const {
    const auto* all = find(registries_, section);
    return all == nullptr ? nullptr : find(*all, name);
  }
  [[nodiscard]] const yaml::Node* mirror(std::string_view name) const { return registry("mirrors", name); }
  [[nodiscard]] bool configured(std::string_view name) const { return registry("configs", name) != nullptr; }

  // Whether K3s leads all pulls from this registry to its mirrors and nowhere else. By K3s's own rule (getHostConfigs)
  // an entry in configs keeps the registry itself, and a mirror without an endpoint is none.
  [[nodiscard]] bool isClosed(std::string_view name) const {
    const auto* disable = said(std::string(kDisable));
    const auto* one = mirror(name);
    if (disable == nullptr || !isTrue(disable->text) || one == nullptr || configured(name)) return false;
    const auto* endpoints = find(*one, "endpoint");
    return (endpoints != nullptr && !endpoints->items.empty()) || serversSay("embedded-registry");
  }

  static std::vector<std::string> namesOf(const std::string& registry) {
    if (registry == kDockerHub) return {registry, "registry-1.docker.io", "index.docker.io"};
    const auto hosts = hostsOf(registry);
    return hosts.empty() ? std::vector<std::string>{registry} : hosts;
  }

  // A mirror is tried first, and the registry itself last.
  void mirrors() {
    const auto* all = find(registries_, "mirrors");
    if (all == nullptr) return;
    for (const auto& entry : all->entries) {
      if (entry.key == "*" || isClosed(entry.key)) continue;
      refuse(registriesFile_, entry.at, namesOf(entry.key),
             "K3s goes to " + inQuotes(entry.key) + " itself when its mirrors do not answer",
             configured(entry.key)
                 ? fmt::format(": name the mirrors' hosts in configs, not {}", inQuotes(entry.key))
                 : fmt::format(": give it an endpoint and set {}: true in k3s/config.yaml", kDisable));
    }
  }

  void images() {
    if (unknown_ || mirror(kDockerHub) != nullptr) return;  // not to be told, or judged with the others
    const bool own = configured(kDockerHub);                // then the mirror of all others does not count for it
    if ((isClosed("*") && !own) || serversSay("system-default-registry")) return;
    std::string file = registriesFile_;
    for (const auto& one : desired_.k3s)
      if (file.empty()) file = one.file;
    refuse(file, {}, namesOf(std::string(kDockerHub)), "images come from docker.io when nothing else is said",
           fmt::format(": mirror docker.io or '*' in k3s/registries.yaml and set {}: true in k3s/config.yaml, or set "
                       "system-default-registry",
                       kDisable));
  }

  // "--oidc-issuer-url=https://...". What a component calls itself, or listens on, is no place that it reaches.
  void arguments() {
    constexpr std::array<std::string_view, 9> kKeys = {
        "etcd-arg",          "kube-apiserver-arg", "kube-cloud-controller-arg",   "kube-cloud-controller-manager-arg",
        "kubelet-arg",       "kube-proxy-arg",     "kube-controller-manager-arg", "kube-controller-arg",
        "kube-scheduler-arg"};
    constexpr std::array<std::string_view, 5> kItself = {"listen-", "advertise-", "initial-advertise-",
                                                         "service-account-", "api-audiences"};
    for (const auto key : kKeys) {
      const auto items = config_.find(std::string(key));
      if (items == config_.end()) continue;
      for (const auto& item : items->second) {
        const auto equals = item.text.find('=');
        if (equals == std::string::npos || item.text.find("://", equals) == std::string::npos) continue;
        const std::string name = item.text.substr(std::min(item.text.find_first_not_of('-'), equals),
                                                  equals - std::min(item.text.find_first_not_of('-'), equals));
        if (std::any_of(kItself.begin(), kItself.end(), [&](std::string_view own) { return name.starts_with(own); }))
          continue;
        for (const auto& host : hostsOf(std::string_view(item.text).substr(equals + 1)))
          refuse(item.file, item.at, {host}, fmt::format("{} {} names {}", key, printable(name), inQuotes(host)));
      }
    }
  }

  void others() {
    for (const char* key : {"pause-image", "helm-job-image"})
      if (const auto* image = said(key)) {
        const auto registry = registryOf(image->text);
        if (registry != kDockerHub)
          refuse(image->file, image->at, {registry}, fmt::format("{} names {}", key, inQuotes(registry)));
      }
    const std::string standard = "/" + host::joinPath(host::paths::k3sConfigDir, "registries.yaml");
    if (const auto* file = said("private-registry"); file != nullptr && file->text != standard)
      say(Severity::error, file->file, file->at,
          "refused by policy.endpoints: private-registry names a file that is not in Git, and K3s would not read "
          "k3s/registries.yaml; remove it");
    if (const auto* vpn = said("vpn-auth")) tailscale(*vpn);
  }

  // "name=tailscale,joinKey=...,controlServerURL=https://..."; the key stays out of every message.
  void tailscale(const K3sItem& item) {
    constexpr std::string_view kServer = "controlServerURL=";
    const auto begin = item.text.find(kServer);
    if (begin == std::string::npos)
      return refuse(item.file, item.at, {"controlplane.tailscale.com"},
                    "vpn-auth means controlplane.tailscale.com when nothing else is said", ": set controlServerURL");
    const auto value = std::string_view(item.text).substr(begin + kServer.size());
    for (const auto& host : hostsOf(value.substr(0, value.find(','))))
      refuse(item.file, item.at, {host}, "vpn-auth names " + inQuotes(host));
  }

  const Desired& desired_;
  const source::Snapshot& snapshot_;
  const std::vector<JudgedManifest>& manifests_;
  const Policy& policy_;
  std::vector<Finding>& findings_;
  K3sConfig config_;
  yaml::Node registries_;
  bool unknown_ = false;  // these are sealed, and were not opened
  std::string registriesFile_;
};

}  // namespace

void judgeEndpoints(const Desired& desired, const source::Snapshot& snapshot,
                    const std::vector<JudgedManifest>& manifests, const Policy& policy,
                    std::vector<Finding>& findings) {
  Judge(desired, snapshot, manifests, policy, findings).all();
}

}  // namespace bedplate::cluster
