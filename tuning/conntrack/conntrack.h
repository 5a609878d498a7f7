// Connection tracking: how full the kernel's table is, what went wrong with it, and how large it should be.
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
  // range was set back (the module was loaded again) and adds what it has. The source may change (nf_conntrack_netlink
  // was loaded).
  void add(const Stats& stats);
  [[nodiscard]] std::uint64_t of(Event event) const { return totals_[static_cast<std::size_t>(event)]; }

 private:
  std::array<std::uint64_t, kEvents> totals_{};
  std::vector<Cpu> before_;
  Source source_ = Source::text;
};

// --- how large it should be -----------------------------------------------------------------------------------------
//
// One entry is one connection, seen by the firewall, a Service or masquerading. When the table is full, new connections
// are dropped. Its limit costs nothing until entries are used; its hash table is allocated at once.
// Sources: nf_conntrack_init_start() in net/netfilter/nf_conntrack_core.c of Linux 6.1; kube-proxy's defaults
// (conntrack-max-per-core 32768, conntrack-min 131072), which K3s sets at each start.

struct Size {
  std::int64_t max = 0;      // entries
  std::int64_t buckets = 0;  // of the hash table
  bool operator==(const Size&) const = default;
};

// What one entry takes at most: 256 B of its own, 128 B of extensions (helpers, NAT, accounting), its bucket of 8 B.
inline constexpr std::int64_t kEntryBytes = 392;

// What the kernel gives itself when the module loads: up to 1 GiB of memory one bucket a 128 KiB, at least 1024; beyond
// 1 GiB 65536, beyond 4 GiB 262144; and as many entries as buckets.
Size kernelDefault(std::uint64_t memoryBytes);

// The size for a node of a cluster:
//
//   max     = 1/16 of the memory, in entries of kEntryBytes; but not more than 1048576 (kube-proxy's own cap since
//             Kubernetes 1.36, and what Bottlerocket sets), or 32768 a core where that is more (what K3s asks for);
//             rounded down to 8192, so that a kernel that keeps some MiB more for itself does not change the number;
//             and never below 131072 (K3s's least) or the kernel's own choice.
//   buckets = max, as the kernel has it: a connection stands in the table twice, once a direction, so chains hold two.
//             8 B a bucket is 2 % of what the entries take when they are used.
//
// 1 GiB: 163840; 2 GiB: 335872; 4 GiB: 679936; 8 GiB and more, up to 32 cores: 1048576.
Size sizeFor(std::uint64_t memoryBytes, int cores);

}  // namespace bedplate::conntrack
