#include "agent/worker/git_error.h"

#include <git2.h>

namespace bedplate::worker {

std::string gitMessage() {
  const git_error* error = git_error_last();
  if (error == nullptr || error->message == nullptr) return "no reason given";
  return error->message;
}

host::Failure mirrorFailed(std::string_view doing) {
  return host::fail("MirrorFailed", "", std::string(doing) + ": " + gitMessage());
}

}  // namespace bedplate::worker
