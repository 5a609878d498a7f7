// Who this node is, how it gets to its repository and what it insists on: from bedplate.conf and the files it names.
#include <algorithm>

#include "agent/apply/reconcile.h"
#include "agent/k3s/k3s.h"

namespace bedplate::apply {
namespace {

constexpr std::size_t kKeyFileLimit = 64 << 10;
constexpr std::size_t kCertificateLimit = 4 << 20;

// A secret that others may read is a secret no more; ssh refuses such a key as well.
host::Result<std::string> readSecret(host::Files& files, const std::string& path) {
  if (path.empty()) return std::string();
  BEDPLATE_TRY_LET(const auto info, files.info(path));
  if (info.kind == host::FileKind::regular && (info.mode & 077) != 0)
    return host::fail("Denied", files.shown(path), "can be read by others than its owner",
                      "chmod 600 " + files.shown(path));
  return files.read(path, kKeyFileLimit);
}

host::Result<std::string> readPublic(host::Files& files, const std::string& path) {
  if (path.empty()) return std::string();
  return files.read(path, kCertificateLimit);
}

std::string trimmed(std::string text) {
  const auto blank = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  while (!text.empty() && blank(text.back())) text.pop_back();
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), blank));
  return text;
}

std::vector<std::string> partsOf(const std::string& path) {
  std::vector<std::string> parts;
  std::string part;
  for (const char c : path + "/") {
    if (c != '/') {
      part += c;
    } else if (!part.empty()) {
      parts.push_back(std::exchange(part, {}));
    }
  }
  return parts;
}

}  // namespace

std::optional<std::string> folderBelowClusters(const std::string& path) {
  const auto parts = partsOf(path);
  for (std::size_t i = 0; i + 1 < parts.size(); ++i)
    if (parts[i] == "clusters") return parts[i + 1];
  return std::nullopt;
}

cluster::Policy policyOf(const config::Config& config) {
  cluster::Policy policy{.denyRawSecrets = config.policy.rawSecrets == "deny", .endpoints = {}};
  if (!config.policy.endpoints.empty()) policy.endpoints.push_back(config.policy.endpoints);
  return policy;
}

std::string clusterOf(const config::Config& config) {
  if (!config.node.cluster.empty()) return config.node.cluster;
  if (auto folder = folderBelowClusters(config.repository.path)) return *std::move(folder);
  // Elsewhere the last folder names the cluster.
  const auto parts = partsOf(config.repository.path);
  return parts.empty() ? "default" : parts.back();
}

host::Result<source::Remote> makeRemote(const config::Config& config, host::Files& files) {
  const auto& repository = config.repository;
  source::Remote remote;
  remote.url = repository.url;
  remote.branch = repository.branch;
  remote.timeoutMs = repository.timeoutMs;
  BEDPLATE_TRY_LET(remote.sshKey, readSecret(files, repository.sshKey));
  BEDPLATE_TRY_LET(remote.knownHosts, readPublic(files, repository.knownHosts));
  BEDPLATE_TRY_LET(remote.caFile, readPublic(files, repository.caFile));
  BEDPLATE_TRY_LET(auto token, readSecret(files, repository.tokenFile));
  remote.token = trimmed(std::move(token));
  return remote;
}

host::Result<cluster::Identity> identify(const config::Config& config, host::Files& files) {
  cluster::Identity node;
  node.name = config.node.name.empty() ? k3s::detectNodeName(files) : config.node.name;
  node.cluster = clusterOf(config);
  node.role = config.node.role;
  if (node.role == "auto") {
    const auto detected = k3s::detectRole(files);
    if (!detected)
      return host::fail("RoleUnknown", "this node's role", "is auto and no K3s is installed to tell it",
                        "set 'role = server' or 'role = agent' in the [node] section of bedplate.conf");
    node.role = *detected;
  }
  return node;
}

}  // namespace bedplate::apply
