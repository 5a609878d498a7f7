// Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
#include <openssl/evp.h>

#include <algorithm>
#include <limits>

#include "agent/cluster/yaml.h"
#include "agent/k3s/k3s.h"
#include "agent/kube/kube.h"
#include "tuning/host/paths.h"

namespace bedplate::kube {
namespace {

namespace yaml = cluster::yaml;

constexpr std::size_t kMostBytes = 256 << 10;

// The text of a scalar below a mapping, "" where there is none.
std::string textAt(const yaml::Node& mapping, std::string_view key) {
  const yaml::Node* node = find(mapping, key);
  return node != nullptr && node->kind == yaml::Kind::scalar ? node->text : std::string();
}

// Of the list `list` the item with this name, and of it the mapping `inner`.
const yaml::Node* named(const yaml::Node& root, std::string_view list, std::string_view name, std::string_view inner) {
  const yaml::Node* items = find(root, list);
  if (items == nullptr) return nullptr;
  for (const auto& item : items->items)
    if (textAt(item, "name") == name) return find(item, inner);
  return nullptr;
}

// "" for what is no base64.
std::string decoded(std::string_view base64) {
  if (base64.empty() || base64.size() % 4 != 0 || base64.size() > kMostBytes) return {};
  std::string bytes(base64.size() / 4 * 3, '\0');
  const int length =
      ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<const unsigned char*>(base64.data()), static_cast<int>(base64.size()));
  // It counts the padding as bytes.
  const int padding = base64.ends_with("==") ? 2 : base64.ends_with('=') ? 1 : 0;
  if (length < padding) return {};
  bytes.resize(static_cast<std::size_t>(length - padding));
  return bytes;
}

// The credential `key` of a mapping, in itself or in the file that it names. "" where there is none.
host::Result<std::string> credential(const yaml::Node& mapping, const std::string& key, const ReadPem& pem) {
  std::string inside = decoded(textAt(mapping, key + "-data"));
  const std::string path = textAt(mapping, key);
  if (!inside.empty() || path.empty() || !pem) return inside;
  return pem(path);
}

}  // namespace

host::Result<Access> parseKubeconfig(std::string_view text, const std::string& thing, const ReadPem& pem) {
  const auto malformed = [&](const std::string& why) {
    return host::fail("Malformed", thing, why, "K3s writes it at each start");
  };
  if (text.size() > kMostBytes) return malformed("is larger than 256 KiB");
  const yaml::Document document = yaml::read(text);
  if (!document.problems.empty())
    return malformed("line " + std::to_string(document.problems.front().at.line) + ": " +
                     document.problems.front().message);
  const std::string current = textAt(document.root, "current-context");
  const yaml::Node* context = named(document.root, "contexts", current, "context");
  if (context == nullptr) return malformed("has no current context");
  const yaml::Node* cluster = named(document.root, "clusters", textAt(*context, "cluster"), "cluster");
  const yaml::Node* user = named(document.root, "users", textAt(*context, "user"), "user");
  if (cluster == nullptr || user == nullptr) return malformed("names a cluster or a user that it does not have");
  Access access;
  access.server = textAt(*cluster, "server");
  if (access.server.rfind("https://", 0) != 0) return malformed("names no server by https");
  while (access.server.ends_with('/')) access.server.pop_back();
  BEDPLATE_TRY_LET(access.ca, credential(*cluster, "certificate-authority", pem));
  BEDPLATE_TRY_LET(access.certificate, credential(*user, "client-certificate", pem));
  BEDPLATE_TRY_LET(access.key, credential(*user, "client-key", pem));
  if (access.ca.empty()) return malformed("has no certificate-authority-data");
  if (access.certificate.empty() || access.key.empty())
    return malformed("has no client-certificate-data with its client-key-data");
  return access;
}

host::Result<Access> readServerKubeconfig(host::Files& files) {
  BEDPLATE_TRY_LET(const std::string text, files.read(host::paths::k3sKubeconfig, kMostBytes));
  return parseKubeconfig(text, files.shown(host::paths::k3sKubeconfig));
}

host::Result<Access> readKubeconfig(host::Files& files) {
  // A server that became an agent still has the old one.
  if (k3s::detectRole(files).value_or("server") != "agent") return readServerKubeconfig(files);
  const std::string data = k3s::detectDataDir(files);
  const std::string path = host::joinPath(data, host::paths::k3sKubeletKubeconfig);
  BEDPLATE_TRY_LET(const std::string text, files.read(path, kMostBytes));
  return parseKubeconfig(text, files.shown(path), [&](const std::string& named) -> host::Result<std::string> {
    const std::string below = "/" + data + "/";
    if (!named.starts_with(below) || named.find("..") != std::string::npos)
      return host::fail("Malformed", files.shown(path), "names a file outside " + files.shown(data) + ": " + named,
                        "K3s writes it at each start");
    return files.read(named.substr(1), kMostBytes);
  });
}

}  // namespace bedplate::kube
