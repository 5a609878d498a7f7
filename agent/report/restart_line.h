// One line on K3s and its configuration.
// Thread-safety: free function.
#pragma once

#include <string>

#include "agent/report/report.h"

namespace bedplate::report {

// "changed on disk, not restarted: the window opens at ...", "commit 3f2a91c was taken back: ..."; for a status that
// has something to say of it.
std::string restartLine(const Status& status);

}  // namespace bedplate::report
