// Whether a folder can be what this worker left there: looked at before libgit2 opens any of it.
#pragma once

#include <optional>
#include <string>

namespace bedplate::worker {

// What is wrong with the mirror at `path`, in words; nullopt when it is as we make it, or not there. A FIFO for a file
// would hold us until the deadline, at every sync anew; a link, alternates or an include lead to what is not ours.
std::optional<std::string> whyUnsound(const std::string& path);

}  // namespace bedplate::worker
