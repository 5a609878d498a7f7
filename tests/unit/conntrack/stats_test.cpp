// The counters from text and from netlink's bytes, and their sums across wraps.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include <cstring>

#include "tests/lib/temp_tree.h"
#include "tuning/conntrack/conntrack.h"
#include "tuning/conntrack/stats_parse.h"
#include "tuning/host/paths.h"

namespace bedplate::conntrack {
namespace {

constexpr std::uint32_t kSequence = 7;

// As Linux 6.1 prints it, and as 5.4 did.
constexpr const char* kText =
    "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  "
    "expect_new expect_create expect_delete search_restart\n"
    "0000002a  00000001 00000000 00000000 0000000b 00000000 00000000 00000002 00000000 00000003 00000004 00000005 "
    "00000006  00000000 00000000 00000000 ffffffff\n"
    "0000002a  00000010 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000030 00000040 00000050 "
    "00000000  00000000 00000000 00000000 00000000\n";
constexpr const char* kOldText =
    "entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop icmp_error  "
    "expect_new expect_create expect_delete search_restart\n"
    "0000002a  00000009 00000001 00000000 00000002 00000000 00000000 00000000 00000000 00000003 00000000 00000000 "
    "00000000  00000000 00000000 00000000 00000000\n";

std::uint32_t of(const Cpu& cpu, Event event) { return cpu.counters[static_cast<std::size_t>(event)]; }

// ---- netlink's bytes

template <class T>
void append(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string attribute(std::uint16_t type, std::uint32_t value) {
  std::string bytes;
  append(bytes, nlattr{.nla_len = 8, .nla_type = type});
  append(bytes, htonl(value));
  return bytes;
}

std::string message(std::uint16_t type, std::string_view payload, std::uint32_t sequence = kSequence) {
  std::string bytes;
  append(bytes, nlmsghdr{.nlmsg_len = static_cast<std::uint32_t>(NLMSG_HDRLEN + payload.size()),
                         .nlmsg_type = type,
                         .nlmsg_flags = NLM_F_MULTI,
                         .nlmsg_seq = sequence,
                         .nlmsg_pid = 0});
  bytes += payload;
  return bytes;
}

std::string stats(int what, std::uint16_t id, const std::string& attributes, std::uint32_t sequence = kSequence) {
  std::string payload;
  append(payload, nfgenmsg{.nfgen_family = 0, .version = 0, .res_id = htons(id)});
  return message(static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | what), payload + attributes, sequence);
}

std::string error(int number) {
  std::string payload;
  append(payload, nlmsgerr{.error = number, .msg = {}});
  return message(NLMSG_ERROR, payload);
}

TEST(ConntrackText, IsReadByTheNamesOfItsColumns) {
  const auto cpus = parseText(kText);
  ASSERT_TRUE(cpus) << cpus.error().text();
  ASSERT_EQ(cpus->size(), 2U);
  const Cpu& first = cpus->front();
  EXPECT_EQ(of(first, Event::clashResolve), 1U);
  EXPECT_EQ(of(first, Event::invalid), 11U);
  EXPECT_EQ(of(first, Event::chainTooLong), 2U);
  EXPECT_EQ(of(first, Event::insertFailed), 3U);
  EXPECT_EQ(of(first, Event::drop), 4U);
  EXPECT_EQ(of(first, Event::earlyDrop), 5U);
  EXPECT_EQ(of(first, Event::error), 6U);
  EXPECT_EQ(of(first, Event::searchRestart), 0xffff'ffffU);
  EXPECT_EQ(cpus->back().number, 1U);
  EXPECT_EQ(of(cpus->back(), Event::drop), 0x40U);
}

TEST(ConntrackText, OlderKernelsHaveOtherColumns) {
  const auto cpus = parseText(kOldText);
  ASSERT_TRUE(cpus) << cpus.error().text();
  ASSERT_EQ(cpus->size(), 1U);
  EXPECT_EQ(of(cpus->front(), Event::found), 1U);
  EXPECT_EQ(of(cpus->front(), Event::insertFailed), 3U);
  EXPECT_EQ(of(cpus->front(), Event::clashResolve), 0U) << "'searched' stood in its place";
}

TEST(ConntrackText, WhatDoesNotFitIsRefused) {
  EXPECT_TRUE(parseText(""));
  for (const char* bad : {"a b\n1\n", "a b\n1 2 3\n", "a\nxyz\n", "a\n1ffffffff\n", "a\n-1\n"}) {
    const auto cpus = parseText(bad);
    ASSERT_FALSE(cpus) << bad;
    EXPECT_EQ(cpus.error().reason, "Corrupt");
  }
}

TEST(ConntrackNetlink, EntriesAndLimitEndWithTheAcknowledgement) {
  Reply reply;
  ASSERT_TRUE(take(stats(IPCTNL_MSG_CT_GET_STATS, 0,
                         attribute(CTA_STATS_GLOBAL_ENTRIES, 1234) + attribute(CTA_STATS_GLOBAL_MAX_ENTRIES, 262144)),
                   kSequence, reply));
  EXPECT_EQ(reply.entries, 1234U);
  EXPECT_EQ(reply.limit, 262144U);
  EXPECT_FALSE(reply.done) << "no DONE follows, the acknowledgement does";
  ASSERT_TRUE(take(error(0), kSequence, reply));
  EXPECT_TRUE(reply.done);
}

TEST(ConntrackNetlink, ACpuIsAMessage) {
  Reply reply;
  const std::string both =
      stats(IPCTNL_MSG_CT_GET_STATS_CPU, 0, attribute(CTA_STATS_DROP, 5) + attribute(CTA_STATS_CHAIN_TOOLONG, 6)) +
      stats(IPCTNL_MSG_CT_GET_STATS_CPU, 300, attribute(CTA_STATS_INSERT_FAILED, 7)) + message(NLMSG_DONE, "\0\0\0\0");
  ASSERT_TRUE(take(both, kSequence, reply));
  ASSERT_EQ(reply.cpus.size(), 2U);
  EXPECT_EQ(of(reply.cpus[0], Event::drop), 5U);
  EXPECT_EQ(of(reply.cpus[0], Event::chainTooLong), 6U);
  EXPECT_EQ(reply.cpus[1].number, 300U);
  EXPECT_EQ(of(reply.cpus[1], Event::insertFailed), 7U);
}

TEST(ConntrackNetlink, AnErrorOfTheKernelKeepsItsNumber) {
  Reply reply;
  const auto denied = take(error(-EPERM), kSequence, reply);
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().errnum, EPERM);
  EXPECT_FALSE(reply.done);
}

TEST(ConntrackNetlink, ForeignAndBrokenMessagesDoNoHarm) {
  Reply reply;
  EXPECT_TRUE(take(stats(IPCTNL_MSG_CT_GET_STATS, 0, attribute(CTA_STATS_GLOBAL_ENTRIES, 1), 6), kSequence, reply));
  EXPECT_FALSE(reply.entries) << "of another question";
  const std::string whole = stats(IPCTNL_MSG_CT_GET_STATS, 0, attribute(CTA_STATS_GLOBAL_ENTRIES, 1));
  for (std::size_t size = 1; size < whole.size(); ++size)
    EXPECT_FALSE(take(std::string_view(whole).substr(0, size), kSequence, reply)) << size;
  EXPECT_FALSE(take(message(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS, "ab"), kSequence, reply));
  EXPECT_FALSE(reply.entries);
}

// ---- what is summed

Stats one(std::uint32_t drop, Source source = Source::netlink) {
  Stats stats{.entries = 1, .limit = 2, .cpus = {Cpu{.number = 0, .counters = {}}}, .source = source};
  stats.cpus[0].counters[static_cast<std::size_t>(Event::drop)] = drop;
  return stats;
}

TEST(ConntrackTotals, BeginWithTheFirstSampleAndCrossAWrap) {
  Totals totals;
  totals.add(one(0xffff'fff0U));
  EXPECT_EQ(totals.of(Event::drop), 0U);
  totals.add(one(0xffff'fffaU));
  EXPECT_EQ(totals.of(Event::drop), 10U);
  totals.add(one(5));
  EXPECT_EQ(totals.of(Event::drop), 21U);
}

TEST(ConntrackTotals, AModuleLoadedAgainCountsFromZero) {
  Totals totals;
  totals.add(one(1'000'000));
  totals.add(one(3));
  EXPECT_EQ(totals.of(Event::drop), 3U);
}

TEST(ConntrackTotals, CpusThatComeAndGoAddOnlyWhatTheyGrew) {
  Totals totals;
  Stats stats = one(10);
  stats.cpus.push_back({.number = 2, .counters = stats.cpus[0].counters});
  totals.add(stats);
  stats.cpus[0].number = 1;  // 0 went, 1 came
  stats.cpus[1].counters[static_cast<std::size_t>(Event::drop)] = 14;
  totals.add(stats);
  EXPECT_EQ(totals.of(Event::drop), 4U);
}

// nf_conntrack_netlink was loaded between two looks, by whoever ran `conntrack`: what happened meanwhile counts.
TEST(ConntrackTotals, GoOnWhenTheSourceChanges) {
  Totals totals;
  Stats text = one(10, Source::text);
  text.cpus.push_back({.number = 1, .counters = text.cpus[0].counters});
  totals.add(text);
  Stats netlink = text;
  netlink.source = Source::netlink;
  netlink.cpus[1].number = 4;  // the text has lines for numbers
  netlink.cpus[1].counters[static_cast<std::size_t>(Event::drop)] = 17;
  netlink.cpus[1].counters[static_cast<std::size_t>(Event::chainTooLong)] = 1000;  // of all time: the text had none
  totals.add(netlink);
  EXPECT_EQ(totals.of(Event::drop), 7U);
  EXPECT_EQ(totals.of(Event::chainTooLong), 0U);
}

TEST(ConntrackTotals, AnotherNumberOfCpusInAnotherSourceStartsAnew) {
  Totals totals;
  Stats text = one(10, Source::text);
  text.cpus.push_back({.number = 1, .counters = text.cpus[0].counters});
  totals.add(text);
  totals.add(one(900));
  EXPECT_EQ(totals.of(Event::drop), 0U);
  totals.add(one(901));
  EXPECT_EQ(totals.of(Event::drop), 1U);
}

// ---- a tree of files

TEST(ConntrackFiles, WithoutTheModuleThereIsNothing) {
  testlib::TempTree tree;
  const auto stats = readStats(tree.files(), false);
  ASSERT_FALSE(stats);
  EXPECT_EQ(stats.error().reason, "NotFound");
}

TEST(ConntrackFiles, AreReadWithoutPrivileges) {
  testlib::TempTree tree;
  tree.write(host::paths::conntrackCount, "42\n");
  tree.write(host::paths::conntrackMax, "262144\n");
  auto stats = readStats(tree.files(), false);
  ASSERT_TRUE(stats) << stats.error().text();
  EXPECT_EQ(stats->entries, 42U);
  EXPECT_EQ(stats->limit, 262144U);
  EXPECT_TRUE(stats->cpus.empty()) << "a kernel without CONFIG_NF_CONNTRACK_PROCFS";
  tree.write(host::paths::conntrackCounters, kText);
  stats = readStats(tree.files(), false);
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->source, Source::text);
  EXPECT_EQ(stats->cpus.size(), 2U);
}

// The running kernel would answer; a tree that says "a module, and its netlink part is not loaded" keeps it unasked.
TEST(ConntrackFiles, AModuleIsNotLoadedByALook) {
  testlib::TempTree tree;
  tree.write(host::paths::conntrackCount, "42\n");
  tree.write(host::paths::conntrackMax, "43\n");
  tree.write(host::paths::conntrackInitState, "live\n");
  const auto stats = readStats(tree.files(), true);
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->source, Source::text);
  EXPECT_EQ(stats->entries, 42U);
}

TEST(ConntrackFiles, GarbageIsSaidToBeThat) {
  testlib::TempTree tree;
  tree.write(host::paths::conntrackCount, "many\n");
  const auto stats = readStats(tree.files(), false);
  ASSERT_FALSE(stats);
  EXPECT_EQ(stats.error().reason, "Corrupt");
}

}  // namespace
}  // namespace bedplate::conntrack
