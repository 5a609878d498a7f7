#include "agent/worker/job.h"

#include <limits>

#include "agent/worker/wire.h"

namespace bedplate::worker {

std::optional<Job> decodeJob(std::string_view payload) {
  wire::Reader reader(payload);
  Job job;
  for (std::string* field :
       {&job.url, &job.branch, &job.mirror, &job.sshKey, &job.knownHosts, &job.caFile, &job.token}) {
    const auto text = reader.text();
    if (!text) return std::nullopt;
    *field = *text;
  }
  const auto timeout = reader.u64();
  if (!timeout || !reader.done() || *timeout > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
  job.timeoutMs = static_cast<std::int64_t>(*timeout);
  return job;
}

}  // namespace bedplate::worker
