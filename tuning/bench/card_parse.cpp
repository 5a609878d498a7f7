#include "tuning/bench/card_parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace bedplate::bench {
namespace {

constexpr std::size_t kMostWords = 32;
constexpr std::size_t kLongest = 80;

std::string_view takeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::string_view takeWord(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

// "\040" and the like, which mountinfo writes for blanks.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 4, value, 8).ptr == text.data() + i + 4 && value < 256) {
      plain += static_cast<char>(value);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// Names of arm64 cores by implementer and part, which is all that /proc/cpuinfo says.
std::string armModel(const std::string& implementer, const std::string& part) {
  struct Core {
    const char *implementer, *part, *name;
  };
  constexpr std::array kCores = {Core{"0x41", "0xd07", "Arm Cortex-A57"},   Core{"0x41", "0xd08", "Arm Cortex-A72"},
                                 Core{"0x41", "0xd0b", "Arm Cortex-A76"},   Core{"0x41", "0xd0c", "Arm Neoverse N1"},
                                 Core{"0x41", "0xd40", "Arm Neoverse V1"},  Core{"0x41", "0xd49", "Arm Neoverse N2"},
                                 Core{"0x41", "0xd4f", "Arm Neoverse V2"},  Core{"0x41", "0xd8e", "Arm Neoverse N3"},
                                 Core{"0xc0", "0xac3", "Ampere-1"},         Core{"0xc0", "0xac4", "Ampere-1A"},
                                 Core{"0x43", "0x0af", "Cavium ThunderX2"}, Core{"0x48", "0xd01", "HiSilicon TSV110"}};
  for (const auto& core : kCores)
    if (implementer == core.implementer && part == core.part) return core.name;
  return implementer.empty() ? "" : fmt::format("Arm implementer {} part {}", implementer, part);
}

}  // namespace

std::string shortLine(std::string_view text) {
  std::string line;
  for (const char c : text.substr(0, text.find('\n'))) {
    if (line.size() >= kLongest) break;
    if (c == '\t' || (c == ' ' && (line.empty() || line.back() == ' '))) continue;
    line += c >= ' ' && c <= '~' ? c : '?';
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

std::vector<std::string> words(std::string_view text) {
  std::string_view line = text.substr(0, text.find('\n'));
  std::vector<std::string> all;
  while (all.size() < kMostWords) {
    const std::string_view word = takeWord(line);
    if (word.empty()) break;
    all.push_back(shortLine(word));
  }
  return all;
}

std::string chosen(std::string_view text) {
  const std::size_t begin = text.find('[');
  const std::size_t end = text.find(']', begin == std::string_view::npos ? 0 : begin);
  return shortLine(begin == std::string_view::npos || end == std::string_view::npos
                       ? text
                       : text.substr(begin + 1, end - begin - 1));
}

std::string valueOf(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = takeLine(text);
    if (line.size() > key.size() && line.starts_with(key) && (line[key.size()] == '=' || line[key.size()] == ' '))
      return shortLine(line.substr(key.size() + 1));
  }
  return {};
}

CpuModel parseCpuInfo(std::string_view text) {
  CpuModel cpu;
  std::string implementer, part;
  while (!text.empty()) {
    const std::string_view line = takeLine(text);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string key = shortLine(line.substr(0, colon)), value = shortLine(line.substr(colon + 1));
    if (key == "model name" && cpu.model.empty()) cpu.model = value;
    if (key == "CPU implementer" && implementer.empty()) implementer = value;
    if (key == "CPU part" && part.empty()) part = value;
    if (key != "cpu MHz") continue;
    double mhz = 0;
    if (std::from_chars(value.data(), value.data() + value.size(), mhz).ec == std::errc() && std::isfinite(mhz) &&
        mhz > 0 && mhz < 1e5)
      cpu.mhz = std::max(cpu.mhz.value_or(0), mhz);
  }
  if (cpu.model.empty()) cpu.model = armModel(implementer, part);
  return cpu;
}

std::optional<Mount> mountOf(std::string_view mountInfo, std::string_view path) {
  std::optional<Mount> best;
  while (!mountInfo.empty()) {
    // "36 35 98:0 /root /point options optional... - type source options"
    std::string_view line = takeLine(mountInfo);
    takeWord(line);
    takeWord(line);
    Mount mount;
    mount.device = shortLine(takeWord(line));
    takeWord(line);
    const std::string point = unescaped(takeWord(line));
    const std::size_t rest = line.find(" - ");
    if (!point.starts_with('/') || rest == std::string_view::npos) continue;
    mount.point = point.substr(1);
    line.remove_prefix(rest + 3);
    mount.type = shortLine(takeWord(line));
    mount.source = shortLine(unescaped(takeWord(line)));
    const bool holds = mount.point.empty() || path == mount.point ||
                       (path.starts_with(mount.point) && path[mount.point.size()] == '/');
    // The later one of two lies upon the other.
    if (holds && (!best || mount.point.size() >= best->point.size())) best = std::move(mount);
  }
  return best;
}

std::string kindOf(std::string_view target, std::string_view name) {
  if (target.find("/nvme") != std::string_view::npos) return "NVMe";
  if (target.find("/virtio") != std::string_view::npos) return name.starts_with("sd") ? "virtio-scsi" : "virtio";
  if (target.find("/VMBUS:") != std::string_view::npos || target.find("/vmbus") != std::string_view::npos)
    return "Hyper-V";
  if (target.find("/ata") != std::string_view::npos) return "SATA";
  if (target.find("/usb") != std::string_view::npos) return "USB";
  if (target.find("/mmc") != std::string_view::npos) return "MMC";
  for (const auto& [prefix, kind] : {std::pair<std::string_view, const char*>{"xvd", "Xen"},
                                     {"vd", "virtio"},
                                     {"sd", "SCSI"},
                                     {"dasd", "DASD"},
                                     {"loop", "a file"},
                                     {"zram", "memory"},
                                     {"rbd", "Ceph RBD"},
                                     {"nbd", "network"},
                                     {"drbd", "DRBD"}})
    if (name.starts_with(prefix)) return kind;
  return {};
}

}  // namespace bedplate::bench
