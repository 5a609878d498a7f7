// A kubeconfig, and what claims to be the API's: pods, Nodes, a Lease, times.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/kube/addons.h"
#include "agent/kube/gitops.h"
#include "agent/kube/lease.h"
#include "agent/kube/objects.h"
#include "agent/kube/time.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace kube = bedplate::kube;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto access = kube::parseKubeconfig(text, "k3s.yaml"))
    if (access->server.empty() || access->ca.empty() || access->certificate.empty() || access->key.empty())
      std::abort();
  if (const auto access = kube::parseKubeconfig(
          text, "kubelet.kubeconfig",
          [](const std::string& path) -> bedplate::host::Result<std::string> { return "at " + path; }))
    if (access->server.rfind("https://", 0) != 0 || access->key.empty()) std::abort();
  if (kube::parseStatusMessage(text).size() > 500) std::abort();
  if (const auto names = kube::parsePodNames(text))
    for (const auto& name : *names)
      if (name.empty() || name.find_first_of("/?#% \r\n") != std::string::npos) std::abort();
  if (const auto nodes = kube::parseNodes(text))
    for (const auto& node : *nodes)
      if (node.name.empty() || node.name.find_first_of("/?#% \r\n") != std::string::npos) std::abort();
  static_cast<void>(kube::parseNode(text));
  if (const auto trial = kube::parseTrial(text))
    if (kube::parseTrial(kube::toJson(*trial)) != trial) std::abort();
  if (const auto lease = kube::parseLease(text))
    if (lease->version.empty() || lease->transitions < 0) std::abort();
  if (const auto at = kube::parseTime(text))
    if (kube::parseTime(kube::microTime(*at)) != at) std::abort();
  if (const auto addons = kube::parseAddons(text))
    for (const auto& addon : *addons)
      if (addon.name.empty()) std::abort();
  if (const auto events = kube::parseAddonEvents(text))
    for (const auto& event : *events)
      if (event.message.find('\x1b') != std::string::npos) std::abort();
  if (const auto owned = kube::parseOwned(text))
    for (const auto& one : *owned)
      if (one.owner.empty()) std::abort();
  if (const auto kinds = kube::parseKinds(text, "/api/v1"))
    for (const auto& [kind, place] : *kinds)
      if (place.plural.find('/') != std::string::npos) std::abort();
  return 0;
}
