// Values known to hurt a Kubernetes node, each with its reason. Only what has a source stands here: a matter of taste
// (vm.swappiness, tcp_tw_reuse) is the operator's. Sources:
//   forwarding, bridge-nf-call   Kubernetes' network plugin requirements; K3s sets them
//   overcommit, panic            the kernel's admin-guide/sysctl/{vm,kernel}.rst; kubelet's setupKernelTunables
//   ports                        ip-sysctl.rst: ip_local_reserved_ports; Kubernetes' service-node-port-range
//   tcp_tw_recycle               removed by Linux 4.12, commit 4396e46187ca
//   conntrack                    nf_conntrack_core.c, nf_conntrack_init_start; nf_conntrack-sysctl.rst
//   inotify, files, neighbours   the kernel's own defaults (inotify_user.c, arp.c); LimitNOFILE of K3s's unit
//   rp_filter                    ip-sysctl.rst; Cilium's tools/sysctlfix
//   accept_ra                    ip-sysctl.rst; K3s's documentation of dual-stack networks
#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "tuning/sysctl/pattern.h"
#include "tuning/sysctl/writers.h"

namespace bedplate::sysctl {
namespace {

constexpr std::int64_t kNodePortsFirst = 30000, kNodePortsLast = 32767;

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

using Wrong = bool (*)(std::int64_t value);

struct Limit {
  std::string_view key;  // a pattern
  Wrong wrong;           // null: whatever the value
  std::string_view why;
};

constexpr std::array kRules = {
    Limit{"net/ipv4/ip_forward", [](std::int64_t v) { return v == 0; },
          "cuts every pod off: pods reach the network through the host; 1 is needed"},
    Limit{"net/ipv4/conf/all/forwarding", [](std::int64_t v) { return v == 0; },
          "cuts every pod off: it is net.ipv4.ip_forward by another name; 1 is needed"},
    Limit{"net/bridge/bridge-nf-call-iptables", [](std::int64_t v) { return v == 0; },
          "lets bridged pod traffic pass by kube-proxy's rules, so that services do not answer; 1 is needed"},
    Limit{"vm/overcommit_memory", [](std::int64_t v) { return v == 2; },
          "refuses memory that is only reserved: Go programs and large processes that fork fail while memory is free; "
          "the kubelet needs 1"},
    Limit{"vm/panic_on_oom", [](std::int64_t v) { return v == 1; },
          "takes the node down when its memory runs out, where the kernel would end one process; 0 is right"},
    Limit{"vm/panic_on_oom", [](std::int64_t v) { return v >= 2; },
          "takes the node down whenever one container reaches its own memory limit; 0 is right"},
    Limit{"net/ipv4/tcp_tw_recycle", nullptr,
          "is gone since Linux 4.12, and broke connections from behind NAT before: take it out"},
    Limit{"net/netfilter/nf_conntrack_max", [](std::int64_t v) { return v < 65536; },
          "is below what the kernel itself takes from 1 GiB of memory on (65536): packets of new connections are "
          "dropped when the table is full"},
    Limit{"net/nf_conntrack_max", [](std::int64_t v) { return v < 65536; },
          "is below what the kernel itself takes from 1 GiB of memory on (65536): packets of new connections are "
          "dropped when the table is full"},
    Limit{"fs/inotify/max_user_instances", [](std::int64_t v) { return v < 128; },
          "is below the kernel's 128, which a few dozen pods use up already"},
    Limit{"fs/inotify/max_user_watches", [](std::int64_t v) { return v < 8192; },
          "is below the least that the kernel itself gives (8192)"},
    Limit{"fs/inotify/max_queued_events", [](std::int64_t v) { return v < 16384; },
          "is below the kernel's 16384: events are lost sooner"},
    Limit{"net/core/somaxconn", [](std::int64_t v) { return v < 1024; },
          "cuts every listener's queue of connections short: the kernel's own is 4096 since Linux 5.4"},
    Limit{"net/ipv4/neigh/default/gc_thresh3", [](std::int64_t v) { return v < 1024; },
          "is below the kernel's 1024: with as many pods and nodes in reach, neighbours are not found any more"},
    Limit{"vm/max_map_count", [](std::int64_t v) { return v < 65530; }, "is below the kernel's 65530"},
    Limit{"fs/file-max", [](std::int64_t v) { return v < 1048576; },
          "is less for the whole machine than K3s's unit allows itself alone (1048576)"},
    Limit{"kernel/pid_max", [](std::int64_t v) { return v < 32768; },
          "is below the kernel's 32768: pods fail to start a process or thread sooner"},
    Limit{"net/ipv4/conf/*/rp_filter", [](std::int64_t v) { return v == 1; },
          "drops packets whose way back is another interface, as with Cilium, several uplinks or policy routes: 2 "
          "checks loosely, 0 leaves it to the network plugin"},
};

using Values = std::vector<std::pair<std::string, std::string>>;

class Look {
 public:
  explicit Look(const Values& values) : values_(values) {}

  std::vector<Hazard> all() {
    for (const auto& [key, value] : values_) {
      alone(key, value);
      hangs(key, value);
      nodePorts(key, value);
      buckets(key, value);
      advertisements(key, value);
    }
    return std::move(found_);
  }

 private:
  void say(const std::string& key, std::string why) { found_.push_back({key, std::move(why)}); }

  [[nodiscard]] const std::string* valueOf(std::string_view key) const {
    const auto found =
        std::find_if(values_.begin(), values_.end(), [key](const auto& one) { return one.first == key; });
    return found == values_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] std::optional<std::int64_t> numberOf(std::string_view key) const {
    const std::string* value = valueOf(key);
    return value == nullptr ? std::nullopt : number(*value);
  }

  void alone(const std::string& key, const std::string& value) {
    const auto held = number(value);
    for (const Limit& rule : kRules)
      if (overlaps(rule.key, key) && (rule.wrong == nullptr || (held && rule.wrong(*held))))
        say(key, std::string(rule.why));
  }

  // A panic that does not reboot leaves a machine that answers nobody until somebody resets it.
  void hangs(const std::string& key, const std::string& value) {
    if (key != "kernel/panic_on_oops" && key != "vm/panic_on_oom") return;
    if (number(value).value_or(0) > 0 && numberOf("kernel/panic") == 0)
      say(key, "with kernel.panic = 0 the node hangs after a panic until somebody resets it: the kubelet needs 10");
  }

  void nodePorts(const std::string& key, const std::string& value) {
    if (key != "net/ipv4/ip_local_port_range") return;
    const std::size_t blank = value.find(' ');
    if (blank == std::string::npos) return;
    const auto first = number(std::string_view(value).substr(0, blank));
    const auto last = number(std::string_view(value).substr(blank + 1));
    if (!first || !last || *first > kNodePortsLast || *last < kNodePortsFirst) return;
    const std::string* reserved = valueOf("net/ipv4/ip_local_reserved_ports");
    if (reserved != nullptr && covers(*reserved, std::max(*first, kNodePortsFirst), std::min(*last, kNodePortsLast)))
      return;
    say(key,
        "reaches into the NodePorts (30000-32767): an outgoing connection can take a service's port; set "
        "net.ipv4.ip_local_reserved_ports = 30000-32767 as well");
  }

  // Whether the list "30000-32000,32001-32767" holds all from `first` to `last`.
  static bool covers(std::string_view list, std::int64_t first, std::int64_t last) {
    std::map<std::int64_t, std::int64_t> ranges;
    while (!list.empty()) {
      const std::size_t comma = list.find(',');
      const std::string_view part = list.substr(0, comma);
      list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
      const std::size_t dash = part.find('-');
      const auto from = number(part.substr(0, dash));
      const auto to = dash == std::string_view::npos ? from : number(part.substr(dash + 1));
      if (from && to) ranges[*from] = std::max(ranges[*from], *to);
    }
    for (const auto& [from, to] : ranges)
      if (from <= first && to >= first) first = to + 1;
    return first > last;
  }

  void buckets(const std::string& key, const std::string& value) {
    if (key != "net/netfilter/nf_conntrack_buckets") return;
    const auto held = number(value);
    const auto most = numberOf("net/netfilter/nf_conntrack_max");
    if (held && most && *held < *most / 10)
      say(key,
          "is less than a tenth of net.netfilter.nf_conntrack_max: when the table is full every packet walks a chain "
          "of "
          "more than ten entries; a half or a quarter is usual");
  }

  // IPv6 forwarding turns router advertisements off for accept_ra = 1.
  void advertisements(const std::string& key, const std::string& value) {
    if (!overlaps("net/ipv6/conf/*/accept_ra", key) || number(value) != 1) return;
    const std::string prefix = key.substr(0, key.rfind('/'));
    if (numberOf("net/ipv6/conf/all/forwarding").value_or(0) > 0 || numberOf(prefix + "/forwarding").value_or(0) > 0)
      say(key,
          "is ignored once IPv6 forwarding is on: a default route that a router announced runs out and the node loses "
          "IPv6; 2 is needed");
  }

  const Values& values_;
  std::vector<Hazard> found_;
};

}  // namespace

std::vector<Hazard> hazards(const std::vector<std::pair<std::string, std::string>>& values) {
  return Look(values).all();
}

}  // namespace bedplate::sysctl
