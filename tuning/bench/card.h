// The node's card: what a measurement was made on, so that those of two hosts can be held beside each other. Part of
// the contract of tuning/bench (bench.h).
// Thread-safety: free functions and plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tuning/host/files.h"

namespace bedplate::bench {

// A whole disk, as the kernel names its parts; "" where it does not tell.
struct Disk {
  std::string name;                // "vda", "nvme0n1"
  std::string kind;                // "virtio", "NVMe", "SCSI", "Xen", "MMC", ...
  std::string model;               // "SAMSUNG MZVLB1T0HALR-00000"
  std::string scheduler;           // the one in use
  std::string writeCache;          // "write back", "write through"
  std::optional<bool> rotational;  // what it says of itself; a virtual disk says true for anything
  std::uint64_t bytes = 0;
};

// Where a directory lies.
struct Place {
  std::string directory;   // as the operator knows it
  std::string fileSystem;  // "ext4"
  std::string source;      // of the mount, "/dev/mapper/rl-root"
  std::string through;     // what is between: "sda1", "rl-root on sda3", "md0 (raid1)"
  std::vector<Disk> disks;
};

struct Card {
  std::string cpuModel;
  int cpus = 0;               // online
  std::optional<double> mhz;  // of the fastest one now, or the most it can
  std::string hypervisor;     // "KVM", "VMware", "none", ...
  std::string machine;        // of the firmware: "QEMU Standard PC (i440FX + PIIX, 1996)"
  bool stealReported = false;
  std::string stealWhy;  // why not
  std::string clockSource;
  std::vector<std::string> clockSources;  // available
  std::string clockFinding;               // "" where there is nothing to say
  std::string kernel;
  std::uint64_t memoryBytes = 0;
  std::int64_t bootUs = 0;  // since the epoch
  Place place;
};

// `directory` (below the root) is where the datastore lies, or will. What cannot be read is empty: a card is shown on
// any machine.
Card readCard(host::Files& files, const std::string& directory);

// What is to be said of a clock source: one that costs much, or that tells of a trouble; "" for a good one.
std::string clockFinding(const std::string& current, const std::vector<std::string>& available, bool guest, bool x86);

}  // namespace bedplate::bench
