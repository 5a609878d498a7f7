// How large this machine is, for what is sized by it.
// Thread-safety: free functions and plain values.
#pragma once

#include <cstdint>
#include <string_view>

#include "tuning/host/files.h"

namespace bedplate::host {

struct MachineSize {
  std::uint64_t memoryBytes = 0;  // MemTotal: what the kernel has to give away, without what it keeps for itself
  int cores = 0;                  // CPUs that are online; at least 1
  bool operator==(const MachineSize&) const = default;
};

// From proc/meminfo and sys/devices/system/cpu/online (where that is missing, proc/stat). "Unknown" names the file that
// does not say it.
Result<MachineSize> machineSize(Files& files);

// "0-3,8" -> 5; 0 when the text is no such list.
int countCpus(std::string_view list);

}  // namespace bedplate::host
