#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tuning/sysctl/sysctl.h"

namespace bedplate::sysctl {
namespace {

using testing::HasSubstr;

struct Case {
  const char* key;
  const char* value;
};

TEST(Refused, HelpersOneWayKeysActionsStateAndSecrets) {
  const Case table[] = {
      {"kernel.core_pattern", "|/bin/sh -c x"},
      {"kernel.core_pattern", "  | x"},
      {"kernel.core_pattern", "@/run/socket"},
      {"kernel.modprobe", "/tmp/x"},
      {"kernel.modprobe", ""},
      {"kernel.hotplug", "/tmp/x"},
      {"kernel.poweroff_cmd", "/tmp/x"},
      {"kernel.usermodehelper.bset", "0 0"},
      {"fs.ocfs2.nm.hb_ctl_path", "/tmp/x"},
      {"fs.binfmt_misc.register", ":x:"},
      {"fs.binfmt_misc.python.enabled", "1"},
      {"kernel.modules_disabled", "1"},
      {"kernel.modules_disabled", "0x1"},
      {"kernel.modules_disabled", "01"},
      {"kernel.kexec_load_disabled", "1"},
      {"kernel.kexec_load_limit_panic", "1"},
      {"kernel.unprivileged_bpf_disabled", "1"},
      {"kernel.unprivileged_bpf_disabled", "0x01"},
      {"kernel.unprivileged_bpf_disabled", "1 2"},
      {"kernel.yama.ptrace_scope", "3"},
      {"kernel.tainted", "1"},
      {"vm.drop_caches", "3"},
      {"vm.compact_memory", "1"},
      {"net.ipv4.route.flush", "1"},
      {"net.ipv6.route.flush", "1"},
      {"kernel.ns_last_pid", "1"},
      {"kernel.hostname", "x"},
      {"kernel.domainname", "x"},
      {"net.ipv6.conf.eth0/5.stable_secret", "::1"},
      {"net.ipv4.tcp_fastopen_key", "0-0-0-0"},
      // globs that could reach one
      {"vm.*", "1"},
      {"vm.drop_cache?", "1"},
      {"kernel.[a-z]*", "1"},
      {"*.*", "1"},
      {"net.*.route.*", "1"},
      {"net.ipv6.conf.*.*", "1"},
      {"kernel.*_limit_*", "1"},
  };
  for (const Case& one : table) {
    const auto why = refused(normaliseKey(one.key).value(), one.value);
    ASSERT_TRUE(why) << one.key << " = " << one.value;
    EXPECT_THAT(*why, HasSubstr(one.key));
  }
}

TEST(Refused, SettingsAreTheOperatorsChoice) {
  const Case table[] = {
      {"kernel.core_pattern", "core.%p"},
      {"kernel.core_pattern", ""},
      {"kernel.modules_disabled", "0"},
      {"kernel.unprivileged_bpf_disabled", "2"},
      {"kernel.unprivileged_bpf_disabled", "0"},
      {"kernel.yama.ptrace_scope", "2"},
      {"kernel.sysrq", "0"},
      {"kernel.panic", "10"},
      {"net.ipv4.ip_forward", "1"},
      {"net.ipv4.route.max_size", "1"},
      {"net.ipv4.conf.*.rp_filter", "1"},
      {"net.*.conf.*.forwarding", "1"},
      {"vm.swappiness", "1"},
      {"vm.dirty_*", "1"},
      {"fs.inotify.max_user_watches", "1"},
      {"net.ipv4.tcp_fastopen", "3"},
  };
  for (const Case& one : table) EXPECT_FALSE(refused(normaliseKey(one.key).value(), one.value)) << one.key;
}

TEST(ClaimedByK3s, ItsOwnAndTheKubeletsKeys) {
  for (const char* key :
       {"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys",
        "kernel/keys/root_maxbytes", "net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding",
        "net/ipv4/conf/enp3s0.200/forwarding", "net/ipv6/conf/default/forwarding", "net/core/devconf_inherit_init_net",
        "net/bridge/bridge-nf-call-iptables", "net/bridge/bridge-nf-call-ip6tables", "net/netfilter/nf_conntrack_max",
        "net/nf_conntrack_max", "net/netfilter/nf_conntrack_tcp_timeout_established",
        "net/netfilter/nf_conntrack_tcp_timeout_close_wait", "net/ipv4/conf/all/route_localnet"})
    EXPECT_TRUE(claimedByK3s(key)) << key;
  for (const char* key : {"vm/swappiness", "net/ipv4/conf/all/rp_filter", "net/ipv4/tcp_tw_reuse", "kernel/panic_print",
                          "fs/inotify/max_user_watches", "net/core/somaxconn", ""})
    EXPECT_FALSE(claimedByK3s(key)) << key;
}

}  // namespace
}  // namespace bedplate::sysctl
