#include "agent/worker/confine.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>

#include <cerrno>

#include "agent/worker/filter.h"

// Their runtimes look at their own process by calls that are refused here (LeakSanitizer traces it, the symbolizer is
// another program), and what they report would be lost.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BEDPLATE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BEDPLATE_SANITIZED 1
#endif
#endif

namespace bedplate::worker {
namespace {

host::Failure refused(std::string_view doing) {
  auto failure = host::failErrno(errno, "", doing);
  failure.value().reason = "WorkerFailed";
  return failure;
}

}  // namespace

host::Status confine() {
#if defined(BEDPLATE_SANITIZED)
  static_cast<void>(refused);
  return {};
#else
  // Set already where the agent started us; without it only root may have a filter.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("cannot give up privileges");
  const sock_fprog program{kFilterLength, const_cast<sock_filter*>(kFilter)};
  // The older of the two calls: also filters of containers and units let it pass.
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
    return refused("cannot be held to its system calls");
  return {};
#endif
}

}  // namespace bedplate::worker
