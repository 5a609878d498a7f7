// The one thing to do next.
// Thread-safety: free function.
#pragma once

#include <string>

#include "agent/report/report.h"

namespace bedplate::report {

// A command, or "" when nothing needs doing.
std::string advice(const Status& status, bool daemonAlive);

}  // namespace bedplate::report
