// The table of known writers, and where each is to be read:
//   K3s           pkg/agent/syssetup/setup.go: writes once a start, whenever the value differs, also downwards
//   kubelet       pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables
//   kube-proxy    pkg/proxy/iptables and ipvs/proxier.go, cmd/kube-proxy/app/conntrack.go
//   CNI bridge    containernetworking/plugins, pkg/ip: a gateway turns forwarding on
//   Cilium        tools/sysctlfix (its file in sysctl.d), pkg/datapath/loader (Reinitialize)
//   Calico        felix/dataplane/linux/endpoint_mgr.go, for each cali* interface
//   TuneD         profiles throughput-performance, virtual-guest and virtual-host ([sysctl], and [vm] for dirty_*)
//   ufw           conf/sysctl.conf, loaded by ufw-init
//   networkd      src/network/networkd-sysctl.c (accept_ra is always 0: it takes advertisements itself, as
//                 NetworkManager does)
//   cloud images  99-cloudimg-ipv6.conf of Ubuntu's
#include "tuning/sysctl/writers.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "tuning/sysctl/pattern.h"

namespace bedplate::sysctl {
namespace {

using Sets = KnownWriter::Sets;

constexpr std::string_view kStart = "at each start";
constexpr std::string_view kInterface = "when an interface comes up";
constexpr std::string_view kConntrack =
    "set tuning.conntrack.max in node.yaml, or kube-proxy-arg conntrack-max-per-core=0: both hand the key to Bedplate";
constexpr std::string_view kEstablished = "set kube-proxy-arg conntrack-tcp-timeout-established to it, or to 0s";
constexpr std::string_view kCloseWait = "set kube-proxy-arg conntrack-tcp-timeout-close-wait to it, or to 0s";
constexpr std::string_view kForwarding = "leave it at 1: pods reach the network through the host";
constexpr std::string_view kKubelet =
    "set it to this; with protect-kernel-defaults the kubelet does not start on another value";
constexpr std::string_view kBridge = "leave it at 1 where kube-proxy or flannel runs";
constexpr std::string_view kLocalnet = "leave it: node ports on 127.0.0.1 need it";
constexpr std::string_view kCilium = "leave the key to Cilium";
constexpr std::string_view kCalico = "leave the interfaces of pods to Calico";
constexpr std::string_view kTuned =
    "keep reapply_sysctl=1, TuneD's default: then sysctl.d has the last word; or take the key out of the profile";
constexpr std::string_view kUfw = "take the line out of ufw's file, or set it to the same value there";
constexpr std::string_view kAdvertisements = "set IPv6AcceptRA= (networkd) or ipv6.method (NetworkManager) instead";
constexpr std::string_view kTunedFile = "what its profile says";
constexpr std::string_view kUfwFile = "what its sysctl.conf says";

constexpr std::array kWriters = {
    KnownWriter{"net/netfilter/nf_conntrack_max", "K3s", kStart, Sets::conntrackMax, "", kConntrack, true, true},
    // Another name for the same limit.
    KnownWriter{"net/nf_conntrack_max", "K3s", kStart, Sets::conntrackMax, "", kConntrack, true, true},
    KnownWriter{"net/netfilter/nf_conntrack_tcp_timeout_established", "K3s", kStart, Sets::established, "",
                kEstablished, true, true},
    KnownWriter{"net/netfilter/nf_conntrack_tcp_timeout_close_wait", "K3s", kStart, Sets::closeWait, "", kCloseWait,
                true, true},
    // K3s sets `all` and `default`; ip_forward is `all` by another name, and the kernel carries it on to each device.
    KnownWriter{"net/ipv4/ip_forward", "K3s", kStart, Sets::value, "1", kForwarding, true, true},
    KnownWriter{"net/ipv4/conf/*/forwarding", "K3s", kStart, Sets::value, "1", kForwarding, true, true},
    KnownWriter{"net/ipv6/conf/*/forwarding", "K3s", "at each start, with IPv6", Sets::value, "1", kForwarding, true,
                true},
    KnownWriter{"net/core/devconf_inherit_init_net", "K3s", "at each start, with IPv6", Sets::value, "1",
                "leave it at 1", true, true},
    KnownWriter{"net/bridge/bridge-nf-call-iptables", "K3s", kStart, Sets::value, "1", kBridge, true, true},
    KnownWriter{"net/bridge/bridge-nf-call-ip6tables", "K3s", "at each start, with IPv6", Sets::value, "1", kBridge,
                true, true},

    KnownWriter{"vm/overcommit_memory", "kubelet", kStart, Sets::value, "1", kKubelet, true, true},
    KnownWriter{"vm/panic_on_oom", "kubelet", kStart, Sets::value, "0", kKubelet, true, true},
    KnownWriter{"kernel/panic", "kubelet", kStart, Sets::value, "10", kKubelet, true, true},
    KnownWriter{"kernel/panic_on_oops", "kubelet", kStart, Sets::value, "1", kKubelet, true, true},
    KnownWriter{"kernel/keys/root_maxkeys", "kubelet", kStart, Sets::value, "1000000", kKubelet, true, true},
    KnownWriter{"kernel/keys/root_maxbytes", "kubelet", kStart, Sets::value, "25000000", kKubelet, true, true},

    KnownWriter{"net/ipv4/conf/*/route_localnet", "kube-proxy", kStart, Sets::value, "1", kLocalnet, true, true},
    KnownWriter{"net/netfilter/nf_conntrack_buckets", "kube-proxy", "at each start, when kube-proxy-arg sets a maximum",
                Sets::ownFile, "a quarter of the maximum, where it is smaller", "set conntrack-max-per-core=0", false},
    KnownWriter{"net/ipv4/vs/conntrack", "kube-proxy", "at each start, in IPVS mode", Sets::value, "1",
                "leave it to kube-proxy", false},
    KnownWriter{"net/ipv4/vs/expire_nodest_conn", "kube-proxy", "at each start, in IPVS mode", Sets::value, "1",
                "leave it to kube-proxy", false},
    KnownWriter{"net/ipv4/vs/expire_quiescent_template", "kube-proxy", "at each start, in IPVS mode", Sets::value, "1",
                "leave it to kube-proxy", false},
    KnownWriter{"net/ipv4/ip_forward", "CNI bridge", "when a pod gets its network", Sets::value, "1", kForwarding,
                false},

    KnownWriter{"net/ipv4/conf/*/rp_filter", "Cilium", "at each start, and at boot by 99-zzz-override_cilium.conf",
                Sets::value, "0", kCilium, false},
    KnownWriter{"net/ipv4/conf/*/accept_local", "Cilium", kInterface, Sets::value, "1", kCilium, false},
    KnownWriter{"net/ipv4/conf/*/send_redirects", "Cilium", kInterface, Sets::value, "0", kCilium, false},
    KnownWriter{"net/ipv4/fib_multipath_use_neigh", "Cilium", kStart, Sets::value, "1", kCilium, false},
    KnownWriter{"net/core/bpf_jit_enable", "Cilium", kStart, Sets::value, "1", kCilium, false},
    KnownWriter{"net/core/fb_tunnels_only_for_init_net", "Cilium", "at each start, with IPIP", Sets::value, "2",
                kCilium, false},
    KnownWriter{"kernel/unprivileged_bpf_disabled", "Cilium", kStart, Sets::value, "1", kCilium, false},
    KnownWriter{"kernel/timer_migration", "Cilium", kStart, Sets::value, "0", kCilium, false},

    KnownWriter{"net/ipv4/conf/cali*/rp_filter", "Calico", kInterface, Sets::ownFile, "0 or 1, by its version and mode",
                kCalico, false},
    KnownWriter{"net/ipv4/conf/cali*/route_localnet", "Calico", kInterface, Sets::value, "1", kCalico, false},
    KnownWriter{"net/ipv4/conf/cali*/proxy_arp", "Calico", kInterface, Sets::value, "1", kCalico, false},
    KnownWriter{"net/ipv4/conf/cali*/forwarding", "Calico", kInterface, Sets::value, "1", kCalico, false},
    KnownWriter{"net/ipv4/neigh/cali*/proxy_delay", "Calico", kInterface, Sets::value, "0", kCalico, false},
    KnownWriter{"net/ipv6/conf/cali*/proxy_ndp", "Calico", kInterface, Sets::value, "1", kCalico, false},
    KnownWriter{"net/ipv6/conf/cali*/forwarding", "Calico", kInterface, Sets::value, "1", kCalico, false},

    KnownWriter{"vm/swappiness", "TuneD", kStart, Sets::ownFile, kTunedFile, kTuned, false},
    KnownWriter{"vm/dirty_ratio", "TuneD", kStart, Sets::ownFile, kTunedFile, kTuned, false},
    KnownWriter{"vm/dirty_background_ratio", "TuneD", kStart, Sets::ownFile, kTunedFile, kTuned, false},
    KnownWriter{"net/core/somaxconn", "TuneD", kStart, Sets::ownFile, kTunedFile, kTuned, false},

    KnownWriter{"net/ipv4/conf/*/accept_redirects", "ufw", kStart, Sets::ownFile, kUfwFile, kUfw, false},
    KnownWriter{"net/ipv6/conf/*/accept_redirects", "ufw", kStart, Sets::ownFile, kUfwFile, kUfw, false},
    KnownWriter{"net/ipv4/conf/*/log_martians", "ufw", kStart, Sets::ownFile, kUfwFile, kUfw, false},
    KnownWriter{"net/ipv4/conf/*/rp_filter", "ufw", kStart, Sets::ownFile, kUfwFile, kUfw, false},
    KnownWriter{"net/ipv4/icmp_echo_ignore_all", "ufw", kStart, Sets::ownFile, kUfwFile, kUfw, false},
    KnownWriter{"net/ipv4/icmp_echo_ignore_broadcasts", "ufw", kStart, Sets::ownFile, kUfwFile, kUfw, false},
    KnownWriter{"net/ipv4/icmp_ignore_bogus_error_responses", "ufw", kStart, Sets::ownFile, kUfwFile, kUfw, false},

    KnownWriter{"net/ipv6/conf/*/accept_ra", "systemd-networkd", kInterface, Sets::value, "0", kAdvertisements, false},
    KnownWriter{"net/ipv6/conf/*/accept_ra", "NetworkManager", kInterface, Sets::value, "0", kAdvertisements, false},
    KnownWriter{"net/ipv4/ip_forward", "Docker", kStart, Sets::value, "1", kForwarding, false},
    KnownWriter{"net/ipv6/conf/*/use_tempaddr", "cloud-init", "at boot, before Bedplate's file", Sets::value, "0",
                "nothing: Bedplate's file is read after it", false},
};

std::string seconds(std::int64_t value) { return value == 0 ? std::string() : std::to_string(value); }

std::int64_t conntrackMax(const ConntrackNumbers& numbers) {
  return std::max(numbers.least, numbers.perCore * numbers.cores.value_or(0));
}

}  // namespace

std::span<const KnownWriter> knownWriters() { return kWriters; }

std::vector<const KnownWriter*> knownWriters(std::string_view key) {
  std::vector<const KnownWriter*> found;
  for (const KnownWriter& writer : kWriters)
    if (overlaps(writer.key, key)) found.push_back(&writer);
  return found;
}

std::string setsText(const KnownWriter& writer, const ConntrackNumbers& numbers) {
  switch (writer.sets) {
    case Sets::established: return seconds(numbers.establishedS);
    case Sets::closeWait: return seconds(numbers.closeWaitS);
    case Sets::conntrackMax: {
      if (numbers.perCore == 0) return {};
      if (!numbers.cores)
        return "max(" + std::to_string(numbers.least) + ", " + std::to_string(numbers.perCore) + " per core)";
      return std::to_string(conntrackMax(numbers)) + " (" + std::to_string(*numbers.cores) +
             (*numbers.cores == 1 ? " core)" : " cores)");
    }
    case Sets::value:
    case Sets::ownFile: break;
  }
  return std::string(writer.value);
}

std::optional<std::string> setsValue(const KnownWriter& writer, const ConntrackNumbers& numbers) {
  if (writer.sets == Sets::ownFile) return std::nullopt;
  if (writer.sets == Sets::conntrackMax)
    return numbers.perCore == 0 ? std::nullopt : std::optional(std::to_string(conntrackMax(numbers)));
  std::string text = setsText(writer, numbers);
  return text.empty() ? std::nullopt : std::optional(std::move(text));
}

bool conflicts(const KnownWriter& writer, std::string_view wanted, const ConntrackNumbers& numbers) {
  const auto sets = setsValue(writer, numbers);
  return sets && *sets != normaliseValue(wanted);
}

std::vector<const KnownWriter*> conflicts(std::string_view key, std::string_view wanted,
                                          const ConntrackNumbers& numbers) {
  auto found = knownWriters(key);
  std::erase_if(found,
                [&](const KnownWriter* writer) { return !writer->everyNode || !conflicts(*writer, wanted, numbers); });
  return found;
}

bool claimedByK3s(std::string_view key) {
  return std::any_of(kWriters.begin(), kWriters.end(),
                     [key](const KnownWriter& writer) { return writer.claims && overlaps(writer.key, key); });
}

}  // namespace bedplate::sysctl
