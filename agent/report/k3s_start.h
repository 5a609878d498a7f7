// Whether K3s still runs with an older configuration than the one that was placed for it.
// Thread-safety: free function.
#pragma once

#include <string>

#include "agent/apply/store.h"
#include "tuning/host/files.h"

namespace bedplate::report {

// True when a generation placed or removed a file of K3s's configuration after the running K3s was started (seen in
// the processes of its unit's control group). False when K3s does not run, or when it cannot be told.
bool k3sRestartNeeded(host::Files& files, apply::Store& store, const std::string& role);

}  // namespace bedplate::report
