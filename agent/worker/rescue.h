// A mirror that cannot be read is set aside, so that the next worker fetches a whole one.
#pragma once

#include <string>

namespace bedplate::worker {

// A pack that is shorter than its index says is mapped memory without a file behind it: SIGBUS, in the middle of
// libgit2. From here on that signal sets the mirror at `path` aside before it ends the program. Once a process.
void rescueMirror(const std::string& path);

// Renames the mirror to "<path>.broken", which the next worker removes. Async-signal-safe.
void setMirrorAside();

}  // namespace bedplate::worker
