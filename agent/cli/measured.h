// What `bedplate bench history` and `bedplate report` share. Private to agent/cli.
// Thread-safety: used from one thread.
#pragma once

#include <string>

#include "agent/cli/context.h"
#include "agent/report/measurements.h"

namespace bedplate::cli {

// The measurements of the last while ("24h"); none where there is no state yet. "Invalid" for a duration that is none.
host::Result<report::Measurements> measuredLast(Context& context, const std::string& window);

int benchHistory(Context& context, const std::string& window);

}  // namespace bedplate::cli
