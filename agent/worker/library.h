// libgit2 as the worker wants it: no configuration but ours, bounded memory, the job's certificates.
#pragma once

#include "agent/worker/job.h"
#include "tuning/host/result.h"

namespace bedplate::worker {

// Once, before anything else of libgit2. "WorkerFailed", "CertificateRefused" when the CA file cannot be used.
host::Status prepareLibrary(const Job& job);

}  // namespace bedplate::worker
