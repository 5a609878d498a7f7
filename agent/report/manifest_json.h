// The pieces of JSON about manifests, for the status and for the file beside it. Private to agent/report.
// Thread-safety: free functions.
#pragma once

#include "agent/report/json.h"
#include "agent/report/manifests.h"

namespace bedplate::report {

Json manifestJson(const ManifestState& one);
// Throws WrongType.
ManifestState readManifest(const Json& one);
Json deploymentJson(const Deployment& deployment);
Deployment readDeployment(const Json& json);

}  // namespace bedplate::report
