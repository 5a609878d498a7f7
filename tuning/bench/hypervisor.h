// Which hypervisor is below, and whether it tells its guests what it takes. Private to tuning/bench.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tuning/host/files.h"

namespace bedplate::bench {

// What can be found out, from the outside in. decide() is pure, so that every machine can be a test.
struct HypervisorFacts {
  std::uint64_t stolenTicks = 0;             // since boot
  std::optional<bool> flag;                  // "hypervisor" among the CPU's flags; unset where CPUs have no such flag
  std::string type;                          // /sys/hypervisor/type
  std::string vendor;                        // of the DMI tables
  std::string signature;                     // of the CPUID leaves from 0x40000000 on; "" where not asked
  std::optional<std::uint32_t> kvmFeatures;  // eax of KVM's leaf 1
};

// Of the files alone, without the CPU.
HypervisorFacts hypervisorFacts(host::Files& files);

// "KVM", "Xen", "VMware", "Hyper-V", another one's signature, "unknown", or "none".
std::string hypervisorName(const HypervisorFacts& facts);

bool decide(const HypervisorFacts& facts, std::string& why);

// The CPUID leaves of the machine that this runs on; nothing on other architectures.
void askCpu(HypervisorFacts& facts);

}  // namespace bedplate::bench
