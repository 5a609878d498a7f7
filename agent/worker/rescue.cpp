#include "agent/worker/rescue.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "agent/worker/mirror.h"

namespace bedplate::worker {
namespace {

// Globals, because a signal handler can be handed nothing.
char mirrorPath[4096];
char asidePath[4096];

extern "C" void onBusError(int signal) {
  setMirrorAside();
  ::raise(signal);  // SA_RESETHAND: now it ends us
}

}  // namespace

void rescueMirror(const std::string& path) {
  const std::string aside = path + ".broken";
  if (aside.size() >= sizeof asidePath) return;
  // What was set aside the last time would stand in the way of the next.
  if (::access(aside.c_str(), F_OK) == 0) removeTree(aside);
  path.copy(mirrorPath, path.size());
  aside.copy(asidePath, aside.size());
  struct sigaction action{};
  action.sa_handler = onBusError;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGBUS, &action, nullptr);
}

void setMirrorAside() {
  if (asidePath[0] != '\0') static_cast<void>(::rename(mirrorPath, asidePath));
}

}  // namespace bedplate::worker
