#include <gtest/gtest.h>

#include "tuning/sysctl/pattern.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::sysctl {
namespace {

struct Names {
  const char* written;
  const char* path;
  const char* shown;
};

TEST(Key, TheFirstSeparatorDecides) {
  const Names table[] = {
      {"net.ipv4.ip_forward", "net/ipv4/ip_forward", "net.ipv4.ip_forward"},
      {"net/ipv4/ip_forward", "net/ipv4/ip_forward", "net.ipv4.ip_forward"},
      {"net.ipv4.conf.enp3s0/200.forwarding", "net/ipv4/conf/enp3s0.200/forwarding",
       "net.ipv4.conf.enp3s0/200.forwarding"},
      {"net/ipv4/conf/enp3s0.200/forwarding", "net/ipv4/conf/enp3s0.200/forwarding",
       "net.ipv4.conf.enp3s0/200.forwarding"},
      {"net.ipv4.conf.*.rp_filter", "net/ipv4/conf/*/rp_filter", "net.ipv4.conf.*.rp_filter"},
      {"single", "single", "single"},
  };
  for (const Names& names : table) {
    const auto path = normaliseKey(names.written);
    ASSERT_TRUE(path) << names.written;
    EXPECT_EQ(*path, names.path);
    EXPECT_EQ(dotted(*path), names.shown);
    EXPECT_EQ(normaliseKey(dotted(*path)).value(), *path);
  }
}

TEST(Key, WhatIsNoKeyIsInvalid) {
  for (const char* key : {"", ".", "/", "..", "a..b", "a//b", "/a/b", ".a.b", "a.b.", "a/b/", "a/../b", "a.//.b",
                          "a/./b", "a./.b", "a b", "a\tb", "net.ipv4.conf.\xC3\xA9th0.forwarding",
                          "a\x7F"
                          "b",
                          "a\nb"}) {
    const auto path = normaliseKey(key);
    ASSERT_FALSE(path) << key;
    EXPECT_EQ(path.error().reason, "Invalid");
    EXPECT_FALSE(path.error().why.empty());
  }
}

TEST(Value, BlanksBecomeOne) {
  EXPECT_EQ(normaliseValue("4096\t131072\t6291456\n"), "4096 131072 6291456");
  EXPECT_EQ(normaliseValue("  a \t\r\n b  "), "a b");
  EXPECT_EQ(normaliseValue(" \n"), "");
  EXPECT_EQ(normaliseValue("|/bin/x %p"), "|/bin/x %p");
}

TEST(CutsOff, KnowsWhatTheWayToTheNodeHangsOn) {
  for (const char* key :
       {"net/ipv4/ip_forward", "net/ipv4/conf/all/rp_filter", "net/ipv4/conf/eth0.200/rp_filter",
        "net/ipv6/conf/all/forwarding", "net/ipv6/conf/eth0/accept_ra", "net/ipv6/conf/eth0/accept_ra_defrtr",
        "net/ipv6/conf/eth0/accept_ra_rt_info_max_plen", "net/ipv6/conf/default/disable_ipv6",
        "net/ipv4/conf/all/arp_ignore", "net/bridge/bridge-nf-call-iptables", "net/ipv4/neigh/eth0/ucast_solicit"}) {
    const auto how = cutsOff(key);
    ASSERT_TRUE(how) << key;
    EXPECT_FALSE(how->empty()) << key;
  }
  for (const char* key : {"net/core/somaxconn", "net/ipv4/tcp_rmem", "net/ipv4/conf/all/log_martians", "vm/swappiness",
                          "net/ipv6/conf/all/use_tempaddr", "net/ipv4/conf/all/route_localnet", "", "n",
                          "net/netfilter/nf_conntrack_max", "fs/inotify/max_user_watches"})
    EXPECT_FALSE(cutsOff(key)) << key;
  EXPECT_TRUE(cutsOff("net/ipv4/conf/*/rp_filter"));
  EXPECT_TRUE(cutsOff("net/ipv?/conf/e*/forw*"));
  EXPECT_TRUE(cutsOff("n*/ipv4/ip_forward"));
  EXPECT_FALSE(cutsOff("net/ipv4/tcp_*"));
}

TEST(Overlaps, AnswersForKeysAndGlobs) {
  EXPECT_TRUE(overlaps("vm/drop_caches", "vm/drop_caches"));
  EXPECT_FALSE(overlaps("vm/drop_caches", "vm/drop_cache"));
  EXPECT_FALSE(overlaps("vm/drop_caches", "vm"));
  EXPECT_FALSE(overlaps("vm/drop_caches", "vm/drop_caches/x"));
  EXPECT_TRUE(overlaps("vm/drop_caches", "v?/d*s"));
  EXPECT_TRUE(overlaps("vm/drop_caches", "vm/[a-e]*"));
  EXPECT_TRUE(overlaps("vm/drop_caches", "vm/[[:alpha:]]rop_caches"));
  EXPECT_TRUE(overlaps("vm/drop_caches", "vm/[]d]rop_caches"));
  EXPECT_FALSE(overlaps("vm/drop_caches", "vm/s*"));
  EXPECT_TRUE(overlaps("a/*/b", "a/x/b"));
  EXPECT_TRUE(overlaps("a/*/b", "a/*/*"));
  EXPECT_FALSE(overlaps("a/*/b", "a/*/c"));
  EXPECT_TRUE(overlaps("k/limit_*", "k/limit_panic"));
  EXPECT_TRUE(overlaps("k/limit_*", "k/*panic"));
  EXPECT_FALSE(overlaps("k/limit_*", "k/lim"));
  EXPECT_TRUE(overlaps("fs/b/**", "fs/b/x/y"));
  EXPECT_TRUE(overlaps("fs/b/**", "fs/*/register"));
  EXPECT_FALSE(overlaps("fs/b/**", "fs/b"));
}

}  // namespace
}  // namespace bedplate::sysctl
