// The counters of conntrack as text, and a datagram of netlink.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tuning/conntrack/stats_parse.h"

namespace conntrack = bedplate::conntrack;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto require = [](bool holds) {
    if (!holds) std::abort();
  };
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  conntrack::Stats stats;
  if (auto cpus = conntrack::parseText(bytes)) {
    require(cpus->size() <= conntrack::kMaxCpus);
    stats.cpus = std::move(*cpus);
  }
  conntrack::Totals totals;
  totals.add({});
  totals.add(stats);
  totals.add(stats);
  require(totals.of(conntrack::Event::drop) == 0);

  conntrack::Reply reply;
  const auto taken = conntrack::take(bytes, 0x01010101, reply);
  require(reply.cpus.size() <= conntrack::kMaxCpus);
  if (!taken) require(!taken.error().reason.empty() && !reply.done);
  return 0;
}
