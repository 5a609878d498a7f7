#include "agent/cluster/k3s_rules.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>

#include "agent/cluster/k3s_keys.h"
#include "agent/cluster/names.h"
#include "agent/cluster/yaml.h"

namespace bedplate::cluster {
namespace {

constexpr const char* kRegistries = "k3s/registries.yaml";

class Judge {
 public:
  Judge(const Desired& desired, const Policy& policy, std::vector<Finding>& findings)
      : desired_(desired), policy_(policy), findings_(findings) {}

  void all() {
    for (const auto& file : desired_.k3s) {
      auto document = yaml::read(textOf(file));
      sealed_ = file.sealed;
      if (!document.problems.empty()) continue;  // said elsewhere
      if (file.path == kRegistries)
        registries(file.file, document.root);
      else
        config(file.file, document.root);
      if (sealed_) yaml::wipe(document.root);
    }
  }

 private:
  void say(Severity severity, const std::string& file, yaml::Place at, std::string message) {
    findings_.push_back({severity, file, at.line, at.column, std::move(message)});
  }

  void config(const std::string& file, const yaml::Node& root) {
    for (const auto& entry : root.entries) {
      std::string key = entry.key;
      if (!key.empty() && key.back() == '+') key.pop_back();
      known(file, entry.at, key);
      if (sealed_ && isShownKey(key))
        say(Severity::error, file, entry.at,
            inQuotes(key) +
                " is no secret, and Bedplate shows what follows from it: put it in a file that is not sealed");
      if (isSecretKey(key))
        secret(file, entry.at, key, std::string(fileKeyOf(key)) + " names it instead, or seal this file");
      if (!isEndpointKey(key)) continue;
      endpoint(file, entry.value.at, key, entry.value.text);
      for (const auto& item : entry.value.items) endpoint(file, item.at, key, item.text);
    }
  }

  void known(const std::string& file, yaml::Place at, const std::string& key) {
    const bool agent = desired_.node.role == "agent";
    switch (takenBy(key)) {
      case TakenBy::both: return;
      case TakenBy::servers:
        if (agent)
          say(Severity::error, file, at,
              inQuotes(key) +
                  " is for servers: k3s-agent does not start with a key it does not know; put it in "
                  "roles/server/k3s/config.yaml.d/ (a cluster without agents: check --role server)");
        return;
      case TakenBy::agents:
        if (!agent) say(Severity::note, file, at, inQuotes(key) + " is for agents: a server passes over it");
        return;
      case TakenBy::nobody: break;
    }
    const auto meant = nearestK3sKey(key);
    say(Severity::warning, file, at,
        inQuotes(key) + " is no key that K3s 1.34 knows" + (meant ? ", did you mean '" + *meant + "'?" : "") +
            (agent ? ": k3s-agent does not start with a key it does not know" : ": a server passes over it"));
  }

  // A credential in a sealed file is where it belongs.
  void secret(const std::string& file, yaml::Place at, const std::string& what, const std::string& way) {
    if (sealed_) return;
    say(policy_.denyRawSecrets ? Severity::error : Severity::warning, file, at,
        (policy_.denyRawSecrets ? "refused by policy.rawSecrets: " : "") + inQuotes(what) +
            " is a credential in Git: whoever reads the repository, or its history, reads it; " + way);
  }

  void endpoint(const std::string& file, yaml::Place at, const std::string& what, const std::string& value) {
    if (value.empty() || (what == "etcd-s3-proxy" && value == "none")) return;  // none at all
    if (value.find('@') != std::string::npos && value.find("://") != std::string::npos)
      secret(file, at, what,
             "it holds a password: give it to K3s in its environment file (K3S_" + environmentName(what) +
                 " in /etc/default/k3s)");
    for (const auto& host : hostsOf(value))
      for (const auto& patterns : policy_.endpoints)
        if (!hostAllowed(host, patterns)) {
          std::string all;
          for (const auto& pattern : patterns) all += (all.empty() ? "" : ", ") + pattern;
          say(Severity::error, file, at,
              fmt::format("refused by policy.endpoints: {} names {}, and only {} may be named", what,
                          sealed_ ? "a host (sealed, and not shown)" : inQuotes(host),
                          all.empty() ? "this machine" : all));
          break;
        }
  }

  static std::string environmentName(std::string key) {
    std::transform(key.begin(), key.end(), key.begin(), [](char c) {
      return c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return key;
  }

  void registries(const std::string& file, const yaml::Node& root) {
    if (const auto* mirrors = find(root, "mirrors"))
      for (const auto& mirror : mirrors->entries)
        if (const auto* endpoints = find(mirror.value, "endpoint"))
          for (const auto& item : endpoints->items) endpoint(file, item.at, "mirrors", item.text);
    if (const auto* configs = find(root, "configs"))
      for (const auto& one : configs->entries)
        if (const auto* auth = find(one.value, "auth"))
          for (const auto& entry : auth->entries)
            if (entry.key == "password" || entry.key == "token" || entry.key == "auth" || entry.key == "identity_token")
              secret(file, entry.at, "auth." + entry.key, "seal the file, or let pods bring imagePullSecrets");
  }

  const Desired& desired_;
  const Policy& policy_;
  std::vector<Finding>& findings_;
  bool sealed_ = false;  // the file at hand
};

// "user:pw@tcp(host:1)/x?y" -> "host".
std::string hostOf(std::string_view part) {
  if (const auto scheme = part.find("://"); scheme != std::string_view::npos) part.remove_prefix(scheme + 3);
  part = part.substr(0, part.find_first_of("/?#"));
  if (const auto user = part.rfind('@'); user != std::string_view::npos) part.remove_prefix(user + 1);
  if (const auto open = part.find('('); open != std::string_view::npos) {
    part.remove_prefix(open + 1);
    part = part.substr(0, part.find(')'));
  }
  if (!part.empty() && part.front() == '[') return lower(part.substr(1, part.find(']') - 1));
  // One colon is a port's; more are an IPv6 address.
  if (std::count(part.begin(), part.end(), ':') == 1) part = part.substr(0, part.find(':'));
  return lower(part);
}

}  // namespace

std::vector<std::string> hostsOf(std::string_view value) {
  std::vector<std::string> hosts;
  // A password may hold a comma or a slash; only what follows the last '@' is an address then.
  const auto scheme = value.find("://");
  const auto user = value.rfind('@');
  if (scheme != std::string_view::npos && user != std::string_view::npos && user > scheme)
    value.remove_prefix(user + 1);
  while (!value.empty()) {
    const auto end = std::min(value.find(','), value.size());
    std::string_view part = value.substr(0, end);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    value.remove_prefix(std::min(end + 1, value.size()));
    // A file on this machine.
    if (part.starts_with("sqlite://") || part.starts_with("unix://")) continue;
    if (auto host = hostOf(part); !host.empty()) hosts.push_back(std::move(host));
  }
  return hosts;
}

bool hostAllowed(const std::string& host, const std::vector<std::string>& patterns) {
  if (host == "localhost" || host == "::1" || host.starts_with("127.")) return true;
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return ::fnmatch(lower(pattern).c_str(), host.c_str(), 0) == 0;
  });
}

Policy tightened(const Policy& floor, const NodeConfig& config) {
  Policy policy = floor;
  policy.denyRawSecrets = policy.denyRawSecrets || config.policy.rawSecrets == "deny";
  if (config.policy.endpoints) policy.endpoints.push_back(*config.policy.endpoints);
  return policy;
}

void judgeK3sConfig(const Desired& desired, const Policy& policy, std::vector<Finding>& findings) {
  Judge(desired, policy, findings).all();
}

}  // namespace bedplate::cluster
