#include "agent/cluster/k3s_keys.h"

#include <algorithm>
#include <array>
#include <vector>

#include "agent/cluster/names.h"

namespace bedplate::cluster {
namespace {

// All by name, for the search.
constexpr std::array<std::string_view, 45> kBoth = {
    "airgap-extra-registry",
    "alsologtostderr",
    "bind-address",
    "config",
    "container-runtime-endpoint",
    "data-dir",
    "debug",
    "default-runtime",
    "disable-default-registry-endpoint",
    "docker",
    "enable-pprof",
    "flannel-cni-conf",
    "flannel-conf",
    "flannel-iface",
    "image-credential-provider-bin-dir",
    "image-credential-provider-config",
    "image-service-endpoint",
    "kube-proxy-arg",
    "kubelet-arg",
    "lb-server-port",
    "log",
    "node-external-dns",
    "node-external-ip",
    "node-internal-dns",
    "node-ip",
    "node-label",
    "node-name",
    "node-taint",
    "nonroot-devices",
    "pause-image",
    "prefer-bundled-bin",
    "private-registry",
    "protect-kernel-defaults",
    "resolv-conf",
    "rootless",
    "selinux",
    "server",
    "snapshotter",
    "token",
    "token-file",
    "v",
    "vmodule",
    "vpn-auth",
    "vpn-auth-file",
    "with-node-id",
};

constexpr std::array<std::string_view, 79> kServers = {
    "advertise-address",
    "advertise-port",
    "agent-token",
    "agent-token-file",
    "apiserver-bind-address",
    "apiserver-port",
    "cluster-cidr",
    "cluster-dns",
    "cluster-domain",
    "cluster-init",
    "cluster-reset",
    "cluster-reset-restore-path",
    "datastore-cafile",
    "datastore-certfile",
    "datastore-endpoint",
    "datastore-keyfile",
    "default-local-storage-path",
    "disable",
    "disable-agent",
    "disable-apiserver",
    "disable-cloud-controller",
    "disable-controller-manager",
    "disable-etcd",
    "disable-helm-controller",
    "disable-kube-proxy",
    "disable-network-policy",
    "disable-scheduler",
    "egress-selector-mode",
    "embedded-registry",
    "etcd-arg",
    "etcd-disable-snapshots",
    "etcd-expose-metrics",
    "etcd-s3",
    "etcd-s3-access-key",
    "etcd-s3-bucket",
    "etcd-s3-bucket-lookup-type",
    "etcd-s3-config-secret",
    "etcd-s3-endpoint",
    "etcd-s3-endpoint-ca",
    "etcd-s3-folder",
    "etcd-s3-insecure",
    "etcd-s3-proxy",
    "etcd-s3-region",
    "etcd-s3-retention",
    "etcd-s3-secret-key",
    "etcd-s3-session-token",
    "etcd-s3-skip-ssl-verify",
    "etcd-s3-timeout",
    "etcd-snapshot-compress",
    "etcd-snapshot-dir",
    "etcd-snapshot-name",
    "etcd-snapshot-reconcile-interval",
    "etcd-snapshot-retention",
    "etcd-snapshot-schedule-cron",
    "flannel-backend",
    "flannel-external-ip",
    "flannel-ipv6-masq",
    "helm-job-image",
    "https-listen-port",
    "kine-tls",
    "kube-apiserver-arg",
    "kube-cloud-controller-arg",
    "kube-cloud-controller-manager-arg",
    "kube-controller-arg",
    "kube-controller-manager-arg",
    "kube-scheduler-arg",
    "secrets-encryption",
    "secrets-encryption-provider",
    "service-cidr",
    "service-node-port-range",
    "servicelb-namespace",
    "supervisor-metrics",
    "supervisor-port",
    "system-default-registry",
    "tls-san",
    "tls-san-security",
    "write-kubeconfig",
    "write-kubeconfig-group",
    "write-kubeconfig-mode",
};

// Only these on an agent; a server passes over them with a warning.
constexpr std::array<std::string_view, 1> kAgents = {"disable-apiserver-lb"};

constexpr std::array<std::string_view, 16> kCritical = {
    "agent-token",
    "cluster-cidr",
    "cluster-dns",
    "cluster-domain",
    "disable-cloud-controller",
    "disable-helm-controller",
    "disable-network-policy",
    "egress-selector-mode",
    "embedded-registry",
    "flannel-backend",
    "flannel-external-ip",
    "flannel-ipv6-masq",
    "secrets-encryption",
    "secrets-encryption-provider",
    "service-cidr",
    "supervisor-metrics",
};

constexpr std::array<std::string_view, 8> kEndpoints = {
    "datastore-endpoint",      "etcd-s3-endpoint",      "etcd-s3-proxy",          "server",
    "system-default-registry", "airgap-extra-registry", "image-service-endpoint", "container-runtime-endpoint",
};

// With the short forms that are keys as well.
constexpr std::array<std::string_view, 8> kShown = {
    "node-name", "data-dir", "d", "log", "l", "kube-proxy-arg", "kubelet-arg", "protect-kernel-defaults",
};

struct Secret {
  std::string_view key, file;
};
constexpr std::array<Secret, 6> kSecrets = {{
    {"token", "token-file"},
    {"agent-token", "agent-token-file"},
    {"vpn-auth", "vpn-auth-file"},
    {"etcd-s3-access-key", "etcd-s3-config-secret"},
    {"etcd-s3-secret-key", "etcd-s3-config-secret"},
    {"etcd-s3-session-token", "etcd-s3-config-secret"},
}};

template <std::size_t n>
bool has(const std::array<std::string_view, n>& names, std::string_view key) {
  return std::find(names.begin(), names.end(), key) != names.end();
}

}  // namespace

TakenBy takenBy(std::string_view key) {
  if (has(kBoth, key)) return TakenBy::both;
  if (has(kServers, key)) return TakenBy::servers;
  return has(kAgents, key) ? TakenBy::agents : TakenBy::nobody;
}

std::optional<std::string> nearestK3sKey(std::string_view key) {
  std::vector<std::string> names(kBoth.begin(), kBoth.end());
  names.insert(names.end(), kServers.begin(), kServers.end());
  std::erase_if(names, [](const std::string& name) { return name.size() < 3; });  // "v" is near to every letter
  return nearest(key, names);
}

bool isSecretKey(std::string_view key) { return !fileKeyOf(key).empty(); }

std::string_view fileKeyOf(std::string_view key) {
  const auto found = std::find_if(kSecrets.begin(), kSecrets.end(), [&](const Secret& one) { return one.key == key; });
  return found == kSecrets.end() ? std::string_view() : found->file;
}

bool isEndpointKey(std::string_view key) { return has(kEndpoints, key); }

bool isShownKey(std::string_view key) { return has(kShown, key); }

std::span<const std::string_view> criticalKeys() { return kCritical; }

}  // namespace bedplate::cluster
