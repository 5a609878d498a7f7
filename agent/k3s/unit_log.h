// What a unit of K3s wrote: the journal, and the file that K3s's own `log` option names.
// Thread-safety: free functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tuning/host/files.h"

namespace bedplate::k3s {

// Its lines since a time (microseconds since the epoch), oldest first, also those that systemd says of it; the last few
// thousand. With `ownJournal` the machine's journal is read, else the one that lies in var/log/journal below the root.
// Empty where there is neither journal nor file: the line that matters is then not known, and nothing else depends on
// it.
std::vector<std::string> unitLog(host::Files& files, bool ownJournal, const std::string& unit, std::int64_t sinceUs);

}  // namespace bedplate::k3s
