// The kernel's two forms of the counters.
// Thread-safety: free functions and plain values.
#pragma once

#include <optional>
#include <string_view>

#include "tuning/conntrack/conntrack.h"

namespace bedplate::conntrack {

inline constexpr std::size_t kMaxCpus = 8192;  // more than CONFIG_NR_CPUS allows

// What came for one question.
struct Reply {
  std::optional<std::uint32_t> entries, limit;
  std::vector<Cpu> cpus;
  bool done = false;  // the kernel said that this was all
};

// Takes one datagram of netlink; messages that do not answer `sequence` are passed over. "Corrupt" for what is no
// netlink, the reason of failErrno for an error of the kernel.
host::Status take(std::string_view datagram, std::uint32_t sequence, Reply& reply);

// proc/net/stat/nf_conntrack: a line of names, and for each CPU one of hexadecimal numbers. Names that are not known
// are passed over; kernels differ in them. "Corrupt" for a line that does not fit.
host::Result<std::vector<Cpu>> parseText(std::string_view text);

}  // namespace bedplate::conntrack
