#include "agent/worker/confine.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>

#include <cerrno>

#include "agent/worker/filter.h"
#include "tuning/host/sanitized.h"

namespace bedplate::worker {
namespace {

host::Failure refused(std::string_view doing) {
  auto failure = host::failErrno(errno, "", doing);
  failure.value().reason = "WorkerFailed";
  return failure;
}

}  // namespace

host::Status confine() {
  // A sanitizer's runtime looks at its own process by calls that are refused here (LeakSanitizer traces it, the
  // symbolizer is another program), and what it reports would be lost.
  if (host::kSanitized) return {};
  // Set already where the agent started us; without it only root may have a filter.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("cannot give up privileges");
  const sock_fprog program{kFilterLength, const_cast<sock_filter*>(kFilter)};
  // The older of the two calls: also filters of containers and units let it pass.
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
    return refused("cannot be held to its system calls");
  return {};
}

}  // namespace bedplate::worker
