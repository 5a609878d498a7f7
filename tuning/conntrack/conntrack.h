// Connection tracking: how full the kernel's table is, and what went wrong with it.
//
// Numbers are those of the network namespace of the calling process. Formats: linux/netfilter/nfnetlink_conntrack.h
// (ctnetlink, through libnl) and, without privileges, the text of proc/net/stat/nf_conntrack.
// Thread-safety: free functions and plain values; a Totals is used from one thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tuning/host/files.h"

namespace bedplate::conntrack {

// What the kernel counts a CPU. Of these `drop` (no entry could be made, the packet is gone), `earlyDrop` (an entry was
// thrown out because the table is full) and `insertFailed` (two packets raced for one entry) cost packets.
enum class Event { found, invalid, insertFailed, drop, earlyDrop, error, searchRestart, clashResolve, chainTooLong };
inline constexpr std::size_t kEvents = 9;
// As the kernel spells it: "insert_failed".
const char* name(Event event);

// The counters of one CPU, by Event. They have 32 bits in the kernel and wrap.
struct Cpu {
  std::uint32_t number = 0;  // of the CPU; where the source is text, of its line
  std::array<std::uint32_t, kEvents> counters{};
  bool operator==(const Cpu&) const = default;
};

enum class Source { netlink, text };

struct Stats {
  std::uint64_t entries = 0;
  std::uint64_t limit = 0;  // net.netfilter.nf_conntrack_max; 0: none
  std::vector<Cpu> cpus;    // empty where the kernel tells no counters
  Source source = Source::text;
};

// What is there now. `kernel`: the files are those of the running kernel, so that it may be asked by netlink; else, and
// where netlink is refused (no CAP_NET_ADMIN), broken or silent for a second, the text is read. A kernel that has
// nf_conntrack as a module but not nf_conntrack_netlink is not asked: that would load it.
// "NotFound" where the kernel tracks no connections: the module is not loaded. Nothing else is "NotFound".
host::Result<Stats> readStats(host::Files& files, bool kernel);

// Counters that do not wrap: what happened between the first add() and the last one.
class Totals {
 public:
  // A counter of a CPU that was there before adds what it grew by, across a wrap; one that fell by less than half its
  // range was set back (the module was loaded again) and adds what it has. Another source than before only starts anew.
  void add(const Stats& stats);
  [[nodiscard]] std::uint64_t of(Event event) const { return totals_[static_cast<std::size_t>(event)]; }

 private:
  std::array<std::uint64_t, kEvents> totals_{};
  std::vector<Cpu> before_;
  Source source_ = Source::text;
};

}  // namespace bedplate::conntrack
