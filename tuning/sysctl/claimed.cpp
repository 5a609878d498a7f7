// Keys that K3s, its kubelet or its kube-proxy set by themselves when they start.
#include <algorithm>
#include <array>
#include <string_view>

#include "tuning/sysctl/pattern.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::sysctl {
namespace {

constexpr std::array<std::string_view, 17> kClaimed = {
    // The kubelet's own six; with protect-kernel-defaults it does not even start when one differs.
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    // Forwarding: K3s sets all and default, and the kernel carries these on to each device.
    "net/ipv4/ip_forward",
    "net/ipv4/conf/*/forwarding",
    "net/ipv6/conf/*/forwarding",
    "net/core/devconf_inherit_init_net",
    // kube-proxy and the portmap plugin, for node ports on localhost.
    "net/ipv4/conf/*/route_localnet",
    // Bridged pod traffic through iptables.
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-ip6tables",
    // Connection tracking. net/nf_conntrack_max is another name for the same limit.
    "net/netfilter/nf_conntrack_max",
    "net/nf_conntrack_max",
    "net/netfilter/nf_conntrack_tcp_timeout_established",
    "net/netfilter/nf_conntrack_tcp_timeout_close_wait",
};

}  // namespace

bool claimedByK3s(std::string_view key) {
  return std::any_of(kClaimed.begin(), kClaimed.end(),
                     [key](std::string_view claimed) { return overlaps(claimed, key); });
}

}  // namespace bedplate::sysctl
