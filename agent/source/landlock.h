// What a child may write, held by the kernel whatever its user may: Landlock, since Linux 5.13 where it is switched on.
// It holds also where everybody may write (/tmp, /dev/shm), which no limit and no user does.
#pragma once

#include <string>

#include "tuning/host/unique_fd.h"

namespace bedplate::source {

// The version of the kernel's Landlock; 0 where it has none or it is switched off.
int landlockVersion();

// Rules for holdTo(): nothing is written, made, renamed or removed but below `folder` (nowhere with ""), no TCP port is
// listened on (version 4), and no process or abstract socket but its own kind is reached by a signal or a connection
// (version 6). Not valid where the kernel has no Landlock, or no memory: the child's user alone holds it then.
host::UniqueFd writeRules(const std::string& folder);

// Holds this thread, and what it starts, to the rules. Needs no_new_privs. A single system call, for use between fork
// and exec; false with errno.
bool holdTo(int rules);

}  // namespace bedplate::source
