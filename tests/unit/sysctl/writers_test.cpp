// Who writes which key, when that is a conflict, and which values hurt.
#include "tuning/sysctl/writers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace bedplate::sysctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> names(const std::vector<const KnownWriter*>& writers) {
  std::vector<std::string> found;
  for (const auto* writer : writers) found.emplace_back(writer->who);
  return found;
}

TEST(KnownWriters, ByKeyAndByGlob) {
  EXPECT_THAT(names(knownWriters("net/ipv4/ip_forward")), ElementsAre("K3s", "CNI bridge", "Docker"));
  EXPECT_THAT(names(knownWriters("net/ipv4/conf/cali12/rp_filter")), ElementsAre("Cilium", "Calico", "ufw"));
  EXPECT_THAT(names(knownWriters("net/ipv4/conf/*/route_localnet")), ElementsAre("kube-proxy", "Calico"));
  EXPECT_THAT(knownWriters("net/ipv4/tcp_tw_reuse"), IsEmpty());
  EXPECT_THAT(knownWriters(""), IsEmpty());
}

TEST(KnownWriters, EachSaysWhoWhenWhatAndTheWayOut) {
  for (const auto& writer : knownWriters()) {
    EXPECT_FALSE(writer.key.empty());
    EXPECT_FALSE(writer.who.empty()) << writer.key;
    EXPECT_FALSE(writer.when.empty()) << writer.key;
    EXPECT_FALSE(writer.todo.empty()) << writer.key;
    EXPECT_FALSE(setsText(writer).empty()) << writer.key;
    EXPECT_TRUE(!writer.claims || writer.everyNode) << writer.key;
  }
}

TEST(KnownWriters, ConflictOfAFixedValue) {
  EXPECT_THAT(conflicts("vm/panic_on_oom", "0"), IsEmpty());
  EXPECT_THAT(names(conflicts("vm/panic_on_oom", "1")), ElementsAre("kubelet"));
  EXPECT_THAT(names(conflicts("kernel/panic", "60")), ElementsAre("kubelet"));
  EXPECT_THAT(names(conflicts("net/ipv4/conf/*/forwarding", "0")), ElementsAre("K3s"));
  EXPECT_THAT(conflicts("vm/swappiness", "1"), IsEmpty());
  // Not every node has Cilium.
  EXPECT_THAT(conflicts("net/ipv4/conf/all/rp_filter", "1"), IsEmpty());
}

TEST(KnownWriters, ConntrackFollowsCoresAndArguments) {
  const std::string_view key = "net/netfilter/nf_conntrack_max";
  EXPECT_THAT(conflicts(key, "131072"), IsEmpty());
  EXPECT_THAT(names(conflicts(key, "262144")), ElementsAre("K3s"));
  ConntrackNumbers eight;
  eight.cores = 8;
  EXPECT_THAT(conflicts(key, "262144", eight), IsEmpty());
  EXPECT_THAT(names(conflicts(key, "131072", eight)), ElementsAre("K3s"));
  EXPECT_EQ(setsText(*knownWriters(key).front(), eight), "262144 (8 cores)");
  EXPECT_EQ(setsText(*knownWriters(key).front()), "max(131072, 32768 per core)");
  ConntrackNumbers handed;
  handed.perCore = 0;
  handed.establishedS = 0;
  EXPECT_THAT(conflicts(key, "500000", handed), IsEmpty());
  EXPECT_EQ(setsText(*knownWriters(key).front(), handed), "");
  EXPECT_THAT(conflicts("net/netfilter/nf_conntrack_tcp_timeout_established", "600", handed), IsEmpty());
  EXPECT_THAT(names(conflicts("net/netfilter/nf_conntrack_tcp_timeout_established", "600")), ElementsAre("K3s"));
  EXPECT_THAT(conflicts("net/netfilter/nf_conntrack_tcp_timeout_close_wait", "3600"), IsEmpty());
}

TEST(KnownWriters, StandInTheDocumentation) {
  std::ifstream file(BEDPLATE_SOURCE_DIR "/docs/tuning.md");
  ASSERT_TRUE(file);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  for (const auto& writer : knownWriters()) {
    std::string row = "| `" + dotted(writer.key) + "`";
    for (const auto& cell :
         {std::string(writer.who), std::string(writer.when), setsText(writer), std::string(writer.todo)})
      row += " | " + cell;
    EXPECT_THAT(text, HasSubstr(row + " |\n"));
  }
}

using Values = std::vector<std::pair<std::string, std::string>>;

TEST(Hazards, EachKnownOne) {
  const Values bad = {{"net/ipv4/ip_forward", "0"},
                      {"net/bridge/bridge-nf-call-iptables", "0"},
                      {"vm/overcommit_memory", "2"},
                      {"vm/panic_on_oom", "1"},
                      {"vm/panic_on_oom", "2"},
                      {"net/ipv4/tcp_tw_recycle", "0"},
                      {"net/netfilter/nf_conntrack_max", "65535"},
                      {"net/nf_conntrack_max", "1000"},
                      {"fs/inotify/max_user_instances", "127"},
                      {"fs/inotify/max_user_watches", "8191"},
                      {"fs/inotify/max_queued_events", "100"},
                      {"net/core/somaxconn", "1023"},
                      {"net/ipv4/neigh/default/gc_thresh3", "512"},
                      {"vm/max_map_count", "1000"},
                      {"fs/file-max", "65536"},
                      {"kernel/pid_max", "1000"},
                      {"net/ipv4/conf/all/rp_filter", "1"},
                      {"net/ipv4/conf/*/rp_filter", "1"},
                      {"net/ipv4/conf/all/forwarding", "0"},
                      {"net/ipv4/ip_local_port_range", "16384 60999"}};
  for (const auto& one : bad) {
    const auto found = hazards({one});
    ASSERT_EQ(found.size(), 1U) << one.first;
    EXPECT_EQ(found.front().key, one.first);
    EXPECT_FALSE(found.front().why.empty());
  }
}

TEST(Hazards, GoodValuesAreNone) {
  EXPECT_THAT(hazards({{"net/ipv4/ip_forward", "1"},
                       {"net/bridge/bridge-nf-call-iptables", "1"},
                       {"vm/overcommit_memory", "1"},
                       {"vm/panic_on_oom", "0"},
                       {"kernel/panic", "10"},
                       {"kernel/panic_on_oops", "1"},
                       {"net/netfilter/nf_conntrack_max", "65536"},
                       {"fs/inotify/max_user_instances", "128"},
                       {"fs/inotify/max_user_watches", "8192"},
                       {"net/core/somaxconn", "1024"},
                       {"net/ipv4/conf/all/rp_filter", "2"},
                       {"vm/swappiness", "0"},
                       {"vm/overcommit_memory", "no number"},
                       {"net/ipv4/ip_local_port_range", "32768 60999"},
                       {"net/ipv6/conf/all/accept_ra", "1"}}),
              IsEmpty());
}

TEST(Hazards, ThoseOfTwoKeys) {
  EXPECT_EQ(hazards({{"kernel/panic", "0"}, {"kernel/panic_on_oops", "1"}}).size(), 1U);
  EXPECT_THAT(hazards({{"kernel/panic_on_oops", "1"}}), IsEmpty());

  const auto range = [](const char* value, const char* reserved) {
    return hazards({{"net/ipv4/ip_local_port_range", value}, {"net/ipv4/ip_local_reserved_ports", reserved}}).size();
  };
  EXPECT_EQ(range("16384 60999", "30000-32767"), 0U);
  EXPECT_EQ(range("16384 60999", "8080,32000-32767,30000-31999"), 0U);
  EXPECT_EQ(range("16384 60999", "30000-32766"), 1U);
  EXPECT_EQ(range("32000 60999", "32000-32767"), 0U);
  EXPECT_EQ(range("16384 60999", "rubbish,-,1-"), 1U);
  EXPECT_EQ(range("rubbish", ""), 0U);
  EXPECT_EQ(range("1 x", ""), 0U);

  const auto buckets = [](const char* value) {
    return hazards({{"net/netfilter/nf_conntrack_max", "1000000"}, {"net/netfilter/nf_conntrack_buckets", value}})
        .size();
  };
  EXPECT_EQ(buckets("99999"), 1U);
  EXPECT_EQ(buckets("100000"), 0U);

  EXPECT_EQ(hazards({{"net/ipv6/conf/all/forwarding", "1"}, {"net/ipv6/conf/eth0/accept_ra", "1"}}).size(), 1U);
  EXPECT_EQ(hazards({{"net/ipv6/conf/eth0/forwarding", "1"}, {"net/ipv6/conf/eth0/accept_ra", "1"}}).size(), 1U);
  EXPECT_EQ(hazards({{"net/ipv6/conf/all/forwarding", "1"}, {"net/ipv6/conf/eth0/accept_ra", "2"}}).size(), 0U);
}

}  // namespace
}  // namespace bedplate::sysctl
