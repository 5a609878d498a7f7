// The texts of /proc and /sys that the node's card is made of: whatever they are, what comes out is short and
// printable.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tuning/bench/card_parse.h"

namespace bench = bedplate::bench;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto require = [](bool holds) {
    if (!holds) std::abort();
  };
  const auto fine = [](const std::string& text) {
    return text.size() <= 100 && std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  };
  const std::string text(reinterpret_cast<const char*>(data), size);
  const bench::CpuModel cpu = bench::parseCpuInfo(text);
  require(cpu.model.size() <= 200 && (!cpu.mhz || (std::isfinite(*cpu.mhz) && *cpu.mhz > 0)));
  require(fine(bench::shortLine(text)) && fine(bench::chosen(text)) && fine(bench::valueOf(text, "DEVNAME")));
  const auto words = bench::words(text);
  require(words.size() <= 32 && std::all_of(words.begin(), words.end(), fine));
  if (const auto mount = bench::mountOf(text, "var/lib/rancher/k3s/server/db")) {
    require(fine(mount->device) && fine(mount->type) && fine(mount->source));
    require(std::string("var/lib/rancher/k3s/server/db").starts_with(mount->point));
  }
  static_cast<void>(bench::kindOf(text, text.substr(0, 3)));
  static_cast<void>(bench::clockFinding(text, words, true, true));
  return 0;
}
