// A kubeconfig, and what claims to be the API's list of pods.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/kube/gitops.h"

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
  return 0;
}
