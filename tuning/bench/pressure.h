// Pressure stall information: how long tasks waited for CPU, disk and memory. Part of the contract of tuning/bench
// (bench.h). It knows nothing of the hypervisor: `cpu` is the wait in this machine's own queues.
// Thread-safety: free functions and plain values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tuning/host/files.h"

namespace bedplate::bench {

// Shares of the last 10, 60 and 300 seconds, 0 to 1, and all of it since boot.
struct Stalled {
  double avg10 = 0, avg60 = 0, avg300 = 0;
  std::uint64_t totalUs = 0;
};
struct Pressure {
  std::optional<Stalled> some, full;  // some tasks waited; all of them did. `full` of the CPU is none before Linux 5.13
};
struct Pressures {
  static constexpr std::array<const char*, 3> kNames = {"cpu", "io", "memory"};
  std::array<std::optional<Pressure>, 3> of;  // in this order; unset: the kernel does not tell
  [[nodiscard]] const std::optional<Pressure>& cpu() const { return of[0]; }
  [[nodiscard]] const std::optional<Pressure>& io() const { return of[1]; }
  [[nodiscard]] const std::optional<Pressure>& memory() const { return of[2]; }
};

// One file of /proc/pressure; "Malformed" without a line that can be read.
host::Result<Pressure> parsePressure(std::string_view text);
// What cannot be read (a kernel without PSI, or started with psi=0) is unset.
Pressures readPressures(host::Files& files);

}  // namespace bedplate::bench
