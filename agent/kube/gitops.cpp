#include "agent/kube/gitops.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/kube/json_at.h"

namespace bedplate::kube {
namespace {

constexpr std::size_t kMostMetrics = 16 << 20;  // Flux has a histogram for each object
constexpr std::size_t kMostPods = 4 << 20;
constexpr std::size_t kLongestName = 253;

constexpr const char* kArgoMetrics = "/api/v1/namespaces/argocd/services/argocd-metrics:8082/proxy/metrics";
constexpr const char* kFluxPods =
    "/api/v1/namespaces/flux-system/pods?limit=20&labelSelector=app%20in%20(kustomize-controller%2Chelm-controller)";

std::string fluxMetrics(const std::string& pod) {
  return "/api/v1/namespaces/flux-system/pods/" + pod + ":8080/proxy/metrics";
}

bool podName(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && name.front() != '.' &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}

// Takes what one controller says into the reading; nothing where it has not reconciled yet.
host::Status take(Api& api, const std::string& path, const char* metric, const std::string& controller,
                  GitOpsReading& reading) {
  BEDPLATE_TRY_LET(const std::string text, api.get(path, kMostMetrics));
  BEDPLATE_TRY_LET(auto latencies, bench::parseLatencies(text, metric));
  if (latencies) reading[controller] = std::move(*latencies);
  return {};
}

}  // namespace

const char* name(GitOps which) { return which == GitOps::argocd ? "argocd" : "flux"; }

const char* called(GitOps which) { return which == GitOps::argocd ? "Argo CD" : "Flux"; }

host::Result<std::vector<std::string>> parsePodNames(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const nlohmann::json* items = itemsOf(json);
  if (items == nullptr)
    return host::fail("Malformed", "the list of pods", "is not what the Kubernetes API answers with");
  std::vector<std::string> names;
  for (const auto& pod : *items) {
    std::string name = textAt(at(&pod, "metadata"), "name");
    if (textAt(at(&pod, "status"), "phase") == "Running" && podName(name)) names.push_back(std::move(name));
  }
  return names;
}

host::Result<GitOpsReading> readGitOps(Api& api, GitOps which) {
  GitOpsReading reading;
  if (which == GitOps::argocd) {
    auto taken = take(api, kArgoMetrics, "argocd_app_reconcile", "argocd-metrics", reading);
    if (!taken && taken.error().reason != "NotFound") return host::Failure(taken.error());
    return reading;
  }
  BEDPLATE_TRY_LET(const std::string list, api.get(kFluxPods, kMostPods));
  BEDPLATE_TRY_LET(const auto pods, parsePodNames(list));
  for (const auto& pod : pods)
    BEDPLATE_TRY(take(api, fluxMetrics(pod), "gotk_reconcile_duration_seconds", pod, reading));
  return reading;
}

std::optional<bench::Latencies> between(const GitOpsReading& before, const GitOpsReading& after) {
  std::optional<bench::Latencies> all;
  for (const auto& [controller, latencies] : after) {
    const auto earlier = before.find(controller);
    auto window = earlier == before.end() ? std::nullopt : bench::since(earlier->second, latencies);
    if (!window) continue;
    if (!all) {
      all = std::move(window);
    } else if (all->leNs == window->leNs) {
      for (std::size_t i = 0; i < all->counts.size(); ++i) all->counts[i] += window->counts[i];
      all->sumNs += window->sumNs;
    }
  }
  return all;
}

std::string toJson(GitOps which, const bench::Latencies& window, std::int64_t windowNs, std::int64_t wallUs) {
  nlohmann::ordered_json json = {
      {"probe", "gitops"}, {"measuredUs", wallUs}, {"source", name(which)}, {"windowNs", windowNs}};
  json.update(nlohmann::ordered_json::parse(bench::toJson(window)));
  return json.dump();
}

}  // namespace bedplate::kube
