// A worker gives up what it will not need, before it reads a foreign byte: most system calls (seccomp).
//
// What it may write is held to one folder before it is started (agent/source/landlock.h). docs/confinement.md has the
// whole of it, and which call is answered how.
#pragma once

#include "tuning/host/result.h"

namespace bedplate::worker {

// From here on, for every thread that is started after it: a call that no worker needs fails as on a kernel without it
// (ENOSYS), and one that only somebody else would make (execve, ptrace, mount, setuid, ...) ends the process with
// SIGSYS. Before any other thread is started. "WorkerFailed" when the kernel takes no filter: nothing foreign is read
// then. Does nothing under a sanitizer, see confine.cpp.
host::Status confine();

}  // namespace bedplate::worker
