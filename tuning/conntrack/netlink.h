// The counters by ctnetlink.
// Thread-safety: free function.
#pragma once

#include "tuning/conntrack/conntrack.h"

namespace bedplate::conntrack {

// "Denied" without CAP_NET_ADMIN, "Timeout" when the kernel does not answer for a second, else what it says.
host::Result<Stats> askKernel();

}  // namespace bedplate::conntrack
