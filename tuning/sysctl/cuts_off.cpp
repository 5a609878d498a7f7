// Keys that decide whether the node still reaches, and is reached by, the rest of the network. What only slows it down,
// or is for its pods' traffic among themselves, is not here.
#include <array>
#include <string_view>

#include "tuning/sysctl/pattern.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::sysctl {
namespace {

struct Known {
  std::string_view key;
  std::string_view how;
};

constexpr std::string_view kForwards = "pods and routed neighbours are reached through it";
constexpr std::string_view kAdvertisements = "the IPv6 default route or addresses may come from router advertisements";
constexpr std::string_view kArp = "neighbours may no longer learn where this node is";
constexpr std::string_view kBridge = "bridged packets pass, or no longer pass, the packet filter's rules";
constexpr std::string_view kSolicit = "without questions no neighbour is found, the gateway neither";

constexpr std::array<Known, 34> kKnown = {{
    {"net/ipv4/ip_forward", kForwards},
    {"net/ipv4/conf/*/forwarding", kForwards},
    // On, it makes a router of the node: the kernel drops default routes that advertisements brought, unless
    // accept_ra=2.
    {"net/ipv6/conf/*/forwarding", "IPv6 default routes from advertisements are dropped with it unless accept_ra is 2"},
    // Strict, it drops answers that come back another way than the route to their sender.
    {"net/ipv4/conf/*/rp_filter", "packets that come in by another way than the route back are dropped"},
    {"net/ipv4/conf/*/src_valid_mark", "it decides which route rp_filter looks at"},
    {"net/ipv4/conf/*/accept_local", "packets with an address of this node as their source are dropped without it"},
    {"net/ipv6/conf/*/disable_ipv6", "IPv6 addresses and routes go with it"},
    {"net/ipv6/conf/*/accept_ra", kAdvertisements},
    {"net/ipv6/conf/*/accept_ra_defrtr", kAdvertisements},
    {"net/ipv6/conf/*/accept_ra_from_local", kAdvertisements},
    {"net/ipv6/conf/*/accept_ra_min_hop_limit", kAdvertisements},
    {"net/ipv6/conf/*/accept_ra_min_lft", kAdvertisements},
    {"net/ipv6/conf/*/accept_ra_pinfo", kAdvertisements},
    {"net/ipv6/conf/*/accept_ra_rt_info_*", kAdvertisements},
    {"net/ipv6/conf/*/accept_ra_rtr_pref", kAdvertisements},
    {"net/ipv6/conf/*/ra_defrtr_metric", kAdvertisements},
    {"net/ipv6/conf/*/autoconf", kAdvertisements},
    // 2: a duplicate of the link-local address turns IPv6 off on the interface.
    {"net/ipv6/conf/*/accept_dad", "a duplicate address may turn IPv6 off on the interface"},
    {"net/ipv6/conf/*/mtu", "packets that are too large for the way are lost"},
    {"net/ipv6/conf/*/hop_limit", "packets end before they are there"},
    {"net/ipv4/ip_default_ttl", "packets end before they are there"},
    {"net/ipv4/ip_local_port_range", "without a free port nothing can be connected to"},
    {"net/ipv4/conf/*/arp_ignore", kArp},
    {"net/ipv4/conf/*/arp_filter", kArp},
    {"net/ipv4/conf/*/arp_announce", kArp},
    {"net/ipv4/neigh/*/ucast_solicit", kSolicit},
    {"net/ipv4/neigh/*/mcast_solicit", kSolicit},
    {"net/ipv6/neigh/*/ucast_solicit", kSolicit},
    {"net/ipv6/neigh/*/mcast_solicit", kSolicit},
    // A full table takes in nobody new.
    {"net/ipv4/neigh/default/gc_thresh3", "a full table of neighbours has no place for the gateway"},
    {"net/ipv6/neigh/default/gc_thresh3", "a full table of neighbours has no place for the gateway"},
    {"net/ipv6/route/max_size", "a full table of routes takes no more"},
    {"net/bridge/bridge-nf-call-*", kBridge},
    {"net/bridge/bridge-nf-filter-*", kBridge},
}};

}  // namespace

std::optional<std::string_view> cutsOff(std::string_view key) {
  if (key.compare(0, 4, "net/") != 0 && !hasGlob(key.substr(0, 3))) return std::nullopt;
  for (const auto& known : kKnown)
    if (overlaps(known.key, key)) return known.how;
  return std::nullopt;
}

int rank(std::string_view key, std::string_view value) {
  constexpr std::string_view kAcceptRa = "/accept_ra";
  if (!cutsOff(key)) return 0;
  const bool acceptRa = key.size() > kAcceptRa.size() && key.substr(key.size() - kAcceptRa.size()) == kAcceptRa;
  if (!acceptRa) return 2;
  return value == "2" ? 1 : 3;
}

}  // namespace bedplate::sysctl
