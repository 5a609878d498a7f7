// The kernel's texts of which the card is made. Private to tuning/bench; apart for the fuzz target.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tuning/bench/card.h"

namespace bedplate::bench {

struct CpuModel {
  std::string model;
  std::optional<double> mhz;  // the greatest
};
// /proc/cpuinfo of x86 and arm64.
CpuModel parseCpuInfo(std::string_view text);

struct Mount {
  std::string device;  // "254:1"
  std::string point;   // without a leading slash, as host::Files takes it
  std::string type, source;
};
// The mount that a path (below the root) lies on, of /proc/self/mountinfo; nullopt when none does.
std::optional<Mount> mountOf(std::string_view mountInfo, std::string_view path);

// The word in brackets of "none [mq-deadline] kyber"; the whole where there are none.
std::string chosen(std::string_view text);
// The words of a line; at most 32.
std::vector<std::string> words(std::string_view text);
// A value of KEY=VALUE lines (uevent) or of "KEY VALUE" (proc/stat); "" for none.
std::string valueOf(std::string_view text, std::string_view key);
// One line, printable, without blanks at its ends, at most 80 bytes.
std::string shortLine(std::string_view text);
// Of a link of /sys/dev/block: "virtio", "NVMe", "SCSI", ...
std::string kindOf(std::string_view target, std::string_view name);

}  // namespace bedplate::bench
