#include "tuning/bench/hypervisor.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include <array>
#include <cstring>
#include <string_view>

#include "tuning/bench/bench.h"
#include "tuning/host/paths.h"

namespace bedplate::bench {
namespace {

constexpr std::uint32_t kKvmStealTime = 1U << 5;
constexpr std::string_view kKvm = "KVMKVMKVM";
constexpr std::string_view kXen = "XenVMMXenVMM";

// A short text of the machine's firmware, made fit for a message.
std::string readWord(host::Files& files, const char* path) {
  const auto text = files.read(path, 4096);
  if (!text) return {};
  std::string word;
  for (const char c : text->substr(0, 64))
    if (c >= ' ' && c <= '~') word += c;
  return word;
}

std::optional<bool> hypervisorFlag(host::Files& files) {
  const auto text = files.read(host::paths::cpuInfo, 64 << 20);
  if (!text) return std::nullopt;
  const std::size_t begin = text->find("\nflags\t");
  if (begin == std::string::npos) return std::nullopt;
  const std::string line = text->substr(begin + 1, text->find('\n', begin + 1) - begin - 1) + " ";
  return line.find(" hypervisor ") != std::string::npos;
}

// Guests of KVM and Xen by the name in their firmware.
bool knownVendor(std::string_view vendor) {
  for (const std::string_view known : {"QEMU", "KVM", "Xen", "Red Hat", "OpenStack", "Amazon EC2", "DigitalOcean"})
    if (vendor.find(known) != std::string_view::npos) return true;
  return false;
}

}  // namespace

bool decide(const HypervisorFacts& facts, std::string& why) {
  why.clear();
  // What has been reported once is reported.
  if (facts.stolenTicks > 0) return true;
  if (facts.type == "xen" || facts.signature == kXen) return true;
  if (facts.signature == kKvm) {
    if ((facts.kvmFeatures.value_or(0) & kKvmStealTime) != 0) return true;
    why = "KVM is told not to report steal (CPUID 0x40000001, bit 5)";
    return false;
  }
  if (facts.flag == false) {
    why = "no hypervisor";
    return false;
  }
  if (!facts.signature.empty()) {
    why = "the hypervisor (" + hypervisorName(facts) + ") reports no steal";
    return false;
  }
  if (facts.flag && knownVendor(facts.vendor)) return true;
  why = facts.vendor.empty() ? "the hypervisor is not known and has reported no steal since boot"
                             : "the hypervisor (" + facts.vendor + ") has reported no steal since boot";
  return false;
}

void askCpu(HypervisorFacts& facts) {
#if defined(__x86_64__) || defined(__i386__)
  if (facts.flag != true) return;
  // Several may answer: KVM and Xen move up by 0x100 when they also speak Hyper-V's language, and they are the ones
  // that know. Each question leaves the guest, so only a few are asked.
  for (std::uint32_t base = 0x40000000; base < 0x40000400; base += 0x100) {
    std::array<std::uint32_t, 4> r{};
    __cpuid(base, r[0], r[1], r[2], r[3]);
    std::array<char, 13> text{};
    std::memcpy(text.data(), &r[1], 12);
    std::string signature;
    for (const char c : std::string_view(text.data()))
      if (c >= ' ' && c <= '~') signature += c;
    if (signature.size() < 9) continue;
    if (signature == kKvm || signature == kXen) {
      facts.signature = signature;
      if (signature == kKvm) {
        __cpuid(base + 1, r[0], r[1], r[2], r[3]);
        facts.kvmFeatures = r[0];
      }
      return;
    }
    if (facts.signature.empty() && base == 0x40000000) facts.signature = signature;
  }
#else
  static_cast<void>(facts);
#endif
}

std::string hypervisorName(const HypervisorFacts& facts) {
  if (facts.type == "xen" || facts.signature == kXen) return "Xen";
  if (facts.signature == kKvm) return "KVM";
  if (facts.signature == "VMwareVMware") return "VMware";
  if (facts.signature == "Microsoft Hv") return "Hyper-V";
  if (!facts.signature.empty()) return facts.signature;
  if (facts.flag == false) return "none";
  for (const auto& [vendor, name] : {std::pair<std::string_view, const char*>{"VMware", "VMware"},
                                     {"Microsoft", "Hyper-V"},
                                     {"Xen", "Xen"},
                                     {"QEMU", "KVM"},
                                     {"KVM", "KVM"}})
    if (facts.vendor.find(vendor) != std::string::npos) return name;
  // Elsewhere than on x86 the CPU does not say whether there is one.
  return "unknown";
}

HypervisorFacts hypervisorFacts(host::Files& files) {
  HypervisorFacts facts;
  if (const auto sample = readSteal(files, 0)) facts.stolenTicks = sample->total.steal;
  facts.flag = hypervisorFlag(files);
  facts.type = readWord(files, host::paths::hypervisorType);
  facts.vendor = readWord(files, host::paths::dmiVendor);
  return facts;
}

bool stealReported(host::Files& files, std::string& why) {
  HypervisorFacts facts = hypervisorFacts(files);
  // The CPU is the machine's own: of a tree of files it says nothing.
  if (files.shown("") == "/") askCpu(facts);
  return decide(facts, why);
}

}  // namespace bedplate::bench
