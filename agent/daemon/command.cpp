#include "agent/daemon/command.h"

namespace bedplate::daemon {

const char* name(Act act) {
  switch (act) {
    case Act::start: return "start";
    case Act::sync: return "sync";
    case Act::repair: return "drift repair";
    case Act::sample: return "sample";
    case Act::measured: return "measured";
    case Act::rollback: return "rollback";
    case Act::release: return "release";
    case Act::accept: return "accept";
    case Act::suspend: return "suspend";
    case Act::resume: return "resume";
    case Act::reload: return "reload";
  }
  return "";
}

}  // namespace bedplate::daemon
