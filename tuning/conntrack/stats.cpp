#include <charconv>

#include "tuning/conntrack/conntrack.h"
#include "tuning/conntrack/netlink.h"
#include "tuning/conntrack/stats_parse.h"
#include "tuning/host/paths.h"

namespace bedplate::conntrack {
namespace {

constexpr std::size_t kMaxText = 4 << 20;  // 170 bytes a CPU
constexpr std::size_t kMaxNumber = 64;

host::Result<std::uint64_t> readNumber(host::Files& files, const char* path) {
  BEDPLATE_TRY_LET(const std::string text, files.readValue(path, kMaxNumber));
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || (at != end && *at != '\n'))
    return host::fail("Corrupt", files.shown(path), "is no number");
  return value;
}

// A dump asks for the subsystem, and the kernel loads what answers for it; a look should not change the machine.
bool wouldLoad(host::Files& files) {
  const bool isModule = files.info(host::paths::conntrackInitState).has_value();
  return isModule && !files.info(host::paths::conntrackNetlinkModule);
}

// The text of older kernels has no columns for the others.
bool inBoth(Event event) { return event != Event::clashResolve && event != Event::chainTooLong; }

}  // namespace

const char* name(Event event) {
  switch (event) {
    case Event::found: return "found";
    case Event::invalid: return "invalid";
    case Event::insertFailed: return "insert_failed";
    case Event::drop: return "drop";
    case Event::earlyDrop: return "early_drop";
    case Event::error: return "error";
    case Event::searchRestart: return "search_restart";
    case Event::clashResolve: return "clash_resolve";
    case Event::chainTooLong: return "chain_toolong";
  }
  return "";
}

host::Result<Stats> readStats(host::Files& files, bool kernel) {
  // Present exactly while nf_conntrack is loaded.
  BEDPLATE_TRY_LET(const std::uint64_t entries, readNumber(files, host::paths::conntrackCount));
  if (kernel && !wouldLoad(files))
    if (auto asked = askKernel()) return asked;
  Stats stats;
  stats.entries = entries;
  BEDPLATE_TRY_LET(stats.limit, readNumber(files, host::paths::conntrackMax));
  // A kernel without CONFIG_NF_CONNTRACK_PROCFS has none of it.
  if (auto text = files.read(host::paths::conntrackCounters, kMaxText)) {
    BEDPLATE_TRY_LET(stats.cpus, parseText(*text));
  } else if (text.error().reason != "NotFound") {
    return host::Failure(text.error());
  }
  return stats;
}

void Totals::add(const Stats& stats) {
  const bool other = stats.source != source_;
  if (other) {
    // The text counts the same but has lines for numbers: a line for each CPU there can be, as netlink has a message.
    if (before_.size() != stats.cpus.size()) before_.clear();
    for (std::size_t i = 0; i < before_.size(); ++i) before_[i].number = stats.cpus[i].number;
  }
  // Both are in the order of the kernel; a CPU that came or went moves the others.
  std::size_t at = 0;
  for (const Cpu& now : stats.cpus) {
    while (at < before_.size() && before_[at].number < now.number) ++at;
    if (at == before_.size() || before_[at].number != now.number) continue;
    for (std::size_t i = 0; i < kEvents; ++i) {
      if (other && !inBoth(static_cast<Event>(i))) continue;
      const std::uint32_t grown = now.counters[i] - before_[at].counters[i];  // modulo 2^32
      totals_[i] += grown < 0x8000'0000U ? grown : now.counters[i];
    }
  }
  before_ = stats.cpus;
  source_ = stats.source;
}

}  // namespace bedplate::conntrack
