#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tuning/sysctl/sysctl.h"

namespace bedplate::sysctl {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Parse, TakesEveryFormOfALine) {
  const Parsed parsed = parse(
      "# comment\n"
      "  ; comment\n"
      "\n"
      "net.ipv4.ip_forward=1\n"
      "\tnet/ipv4/tcp_rmem =  4096\t131072   6291456  \r\n"
      "-net.ipv4.conf.*.rp_filter = 2\n"
      "- net.ipv4.conf.all.rp_filter\n"
      "net.ipv4.ip_local_reserved_ports =\n"
      "kernel.core_pattern = a=b#c",
      "f.conf");
  ASSERT_THAT(parsed.problems, IsEmpty());
  const std::vector<Rule> expected = {
      {"net/ipv4/ip_forward", "1", false, false, "f.conf", 4},
      {"net/ipv4/tcp_rmem", "4096 131072 6291456", false, false, "f.conf", 5},
      {"net/ipv4/conf/*/rp_filter", "2", true, false, "f.conf", 6},
      {"net/ipv4/conf/all/rp_filter", "", false, true, "f.conf", 7},
      {"net/ipv4/ip_local_reserved_ports", "", false, false, "f.conf", 8},
      {"kernel/core_pattern", "a=b#c", false, false, "f.conf", 9},
  };
  EXPECT_EQ(parsed.rules, expected);
  EXPECT_TRUE(parsed.rules[2].isGlob());
  EXPECT_FALSE(parsed.rules[3].isGlob());
}

TEST(Parse, NothingIsNothing) {
  for (const char* text : {"", "\n", "   \n\t\n", "#", ";x"}) {
    const Parsed parsed = parse(text, "f");
    EXPECT_THAT(parsed.rules, IsEmpty());
    EXPECT_THAT(parsed.problems, IsEmpty());
  }
}

struct Bad {
  std::string text;
  int line;
  int column;
  const char* says;
};

TEST(Parse, SaysWhereAndWhatWouldBeRight) {
  const Bad table[] = {
      {"net.ipv4.ip_forward 1", 1, 1, "write \"net.ipv4.ip_forward = 1\""},
      {"\n  vm.swappiness\n", 2, 3, "write \"key = value\""},
      {"  = 5", 1, 3, "the key is empty"},
      {"-", 1, 2, "the key is empty"},
      {"- =5", 1, 3, "the key is empty"},
      {"a.b = 1\n -a..b = 2", 2, 3, "a part of the key is empty"},
      {"sysctl -w vm.swappiness=1", 1, 1, "no blanks"},
      {"a/../b=1", 1, 1, "\"..\""},
      {"a.b = 1 # why", 1, 9, "on its own line"},
      {"a.b = 1\t; why", 1, 9, "on its own line"},
      {"a.b = gr\xC3\xBC\xC3\x9F", 1, 9, "printable ASCII"},
      {"a.b = 1\x1b[31m", 1, 8, "printable ASCII"},
      {std::string("a.b = 1\0 2", 10), 1, 8, "NUL"},
      {std::string("# \0", 3), 1, 3, "NUL"},
      {"\xEF\xBB\xBF"
       "a.b = 1",
       1, 1, "byte order mark"},
      {"net.{ipv4,ipv6}.conf.*.forwarding = 1", 1, 1, "braces"},
      {"vm.a >= 5", 1, 1, "tuning.floors"},
      {std::string(4097, 'x'), 1, 4097, "4096"},
  };
  for (const Bad& bad : table) {
    const Parsed parsed = parse(bad.text, "f");
    ASSERT_THAT(parsed.problems, SizeIs(1)) << bad.text;
    EXPECT_EQ(parsed.problems[0].line, bad.line) << bad.text;
    EXPECT_EQ(parsed.problems[0].column, bad.column) << bad.text;
    EXPECT_THAT(parsed.problems[0].message, HasSubstr(bad.says));
  }
}

TEST(ParseProfile, TakesLeastValuesToo) {
  const Parsed parsed = parseProfile("vm.a = x y\nvm.b >= 5\n-vm.c>=0x10\nvm.d >=-1\n", "k3s.conf");
  EXPECT_THAT(parsed.problems, SizeIs(0));
  ASSERT_THAT(parsed.rules, SizeIs(4));
  EXPECT_EQ(parsed.rules[0].bound, Bound::exact);
  for (const std::size_t i : {1U, 2U, 3U}) EXPECT_EQ(parsed.rules[i].bound, Bound::atLeast);
  EXPECT_EQ(parsed.rules[1].key, "vm/b");
  EXPECT_EQ(parsed.rules[1].value, "5");
  EXPECT_TRUE(parsed.rules[2].tolerant);
  EXPECT_EQ(parsed.rules[3].line, 4);
  for (const Rule& rule : parsed.rules) {
    EXPECT_EQ(rule.source, Source::profile);
    EXPECT_EQ(rule.file, "k3s.conf");
  }
}

TEST(ParseProfile, HasNoGlobsExclusionsOrLeastWords) {
  for (const char* text : {"vm.* = 1", "-vm.a", "vm.a >= x", "vm.a >= 1 2", "vm.a >=", "vm.a > = 1", "vm.a >> 1"})
    EXPECT_THAT(parseProfile(text, "f").problems, SizeIs(1)) << text;
}

TEST(Parse, ALineOfExactlyTheLimitIsTaken) {
  const std::string line = "a.b = " + std::string(4090, '1');
  ASSERT_EQ(line.size(), 4096u);
  EXPECT_THAT(parse(line, "f").rules, SizeIs(1));
  EXPECT_THAT(parse(line + "1", "f").problems, SizeIs(1));
}

TEST(Parse, ReportsAllProblemsAndKeepsTheRest) {
  const Parsed parsed = parse("bad\na.b = 1\n..=1\nc.d = 2\nworse\n", "f");
  EXPECT_THAT(parsed.problems, SizeIs(3));
  EXPECT_THAT(parsed.rules, SizeIs(2));
  EXPECT_EQ(parsed.problems[2].line, 5);
}

TEST(Parse, AMessageHoldsNothingThatATerminalWouldObey) {
  const Parsed parsed = parse("\x1b]0;title\x07 is not a rule " + std::string(500, 'x'), "f");
  ASSERT_THAT(parsed.problems, SizeIs(1));
  const std::string& message = parsed.problems[0].message;
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_LT(message.size(), 250u);
}

}  // namespace
}  // namespace bedplate::sysctl
