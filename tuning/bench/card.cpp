#include "tuning/bench/card.h"

#include <algorithm>
#include <charconv>

#include "tuning/bench/card_disk.h"
#include "tuning/bench/card_parse.h"
#include "tuning/bench/hypervisor.h"
#include "tuning/bench/steal.h"
#include "tuning/host/machine.h"
#include "tuning/host/paths.h"

namespace bedplate::bench {
namespace {

constexpr std::size_t kMostText = 4096;
constexpr std::size_t kMostCpuInfo = 64 << 20;

std::string line(host::Files& files, const std::string& path) {
  const auto text = files.read(path, kMostText);
  return text ? shortLine(*text) : std::string();
}

bool one(const std::string& value, std::initializer_list<const char*> of) {
  return std::any_of(of.begin(), of.end(), [&](const char* each) { return value == each; });
}

std::int64_t bootTime(host::Files& files) {
  const auto text = files.read(host::paths::procStat, 8 << 20);
  if (!text) return 0;
  const std::string value = valueOf(*text, "btime");
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  return error == std::errc() && seconds > 0 && seconds < INT64_MAX / 1'000'000 ? seconds * 1'000'000 : 0;
}

std::optional<double> highestMhz(host::Files& files) {
  const std::string value = line(files, host::paths::highestFrequency);  // kHz
  double kilohertz = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), kilohertz);
  return error == std::errc() && kilohertz > 0 && kilohertz < 1e8 ? std::optional(kilohertz / 1000) : std::nullopt;
}

}  // namespace

std::string clockFinding(const std::string& current, const std::vector<std::string>& available, bool guest, bool x86) {
  if (current.empty()) return {};
  const bool tsc = std::find(available.begin(), available.end(), "tsc") != available.end();
  const std::string way = tsc ? "the kernel has tsc: write it to current_clocksource, or boot with clocksource=tsc"
                              : (guest ? "ask the provider for a host with an invariant TSC"
                                       : "the kernel log says why it gave up the TSC");
  if (one(current, {"hpet", "acpi_pm", "pit", "jiffies", "refined-jiffies"}))
    return current + " is slow, each look at the clock asks a device" + (guest ? " of the hypervisor" : "") + "; " +
           way;
  if (one(current, {"xen", "hyperv_clocksource_msr"}))
    return current + " is slow, each look at the clock is a system call; " + way;
  if (x86 && !tsc && !one(current, {"hyperv_clocksource_tsc_page"}))
    return "the kernel found no usable TSC, which tells of a host that moves its guests or of an unstable clock";
  return {};
}

Card readCard(host::Files& files, const std::string& directory) {
  Card card;
  bool x86 = false;
  if (const auto info = files.read(host::paths::cpuInfo, kMostCpuInfo)) {
    const CpuModel cpu = parseCpuInfo(*info);
    card.cpuModel = cpu.model;
    card.mhz = cpu.mhz;
    x86 = info->find("\nflags\t") != std::string::npos;
  }
  if (!card.mhz) card.mhz = highestMhz(files);
  if (const auto size = host::machineSize(files)) {
    card.cpus = size->cores;
    card.memoryBytes = size->memoryBytes;
  }
  HypervisorFacts facts = hypervisorFacts(files);
  if (files.shown("") == "/") askCpu(facts);
  card.stealReported = decide(facts, card.stealWhy);
  card.hypervisor = hypervisorName(facts);
  card.machine = shortLine(line(files, host::paths::dmiVendor) + " " + line(files, host::paths::dmiProduct));
  const std::string clock = host::paths::clockSource;
  card.clockSource = line(files, clock + "/current_clocksource");
  if (const auto available = files.read(clock + "/available_clocksource", kMostText))
    card.clockSources = words(*available);
  card.clockFinding = clockFinding(card.clockSource, card.clockSources, card.hypervisor != "none", x86);
  card.kernel = line(files, host::paths::osRelease);
  card.bootUs = bootTime(files);
  card.place = findPlace(files, directory);
  return card;
}

}  // namespace bedplate::bench
