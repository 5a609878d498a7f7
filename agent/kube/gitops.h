// How long Argo CD and Flux take to reconcile, by their own histograms: to be held against the disk and the CPU of the
// same minutes.
//
// Argo CD: argocd_app_reconcile of the application controller
// (https://argo-cd.readthedocs.io/en/stable/operator-manual/metrics/), service argocd-metrics. Flux:
// gotk_reconcile_duration_seconds of the kustomize and helm controllers (https://fluxcd.io/flux/monitoring/metrics/),
// port 8080 of their pods. Both by way of the API server's proxy, in the namespaces that their own manifests use.
// Thread-safety: plain values and free functions; a GitOpsHistory is used from one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/kube/kube.h"
#include "tuning/bench/exposition.h"

namespace bedplate::kube {

enum class GitOps { argocd, flux };
const char* name(GitOps which);    // "argocd", "flux"
const char* called(GitOps which);  // "Argo CD", "Flux"

// Since each process was started; several controllers count apart.
using GitOpsReading = std::map<std::string, bench::Latencies>;

// Empty: it is not in this cluster.
host::Result<GitOpsReading> readGitOps(Api& api, GitOps which);

// The names of the running pods in the API's list of pods. "Malformed". Names that no pod can have are left out.
host::Result<std::vector<std::string>> parsePodNames(std::string_view json);

// What was reconciled between two readings, all controllers together; one that was started anew in between is left out.
// nullopt when none was in both.
std::optional<bench::Latencies> between(const GitOpsReading& before, const GitOpsReading& after);

std::string toJson(GitOps which, const bench::Latencies& window, std::int64_t windowNs, std::int64_t wallUs);

}  // namespace bedplate::kube
