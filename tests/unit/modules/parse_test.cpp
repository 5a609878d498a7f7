#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tuning/modules/modules.h"

namespace bedplate::modules {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(ModulesParse, TakesNamesAndSpellsThemAsSysModuleDoes) {
  const Parsed parsed = parse("# k3s\n ; x\n\nbr_netfilter\n\tip-vs \r\noverlay", "k3s.conf");
  EXPECT_THAT(parsed.problems, IsEmpty());
  const std::vector<Entry> expected = {
      {"br_netfilter", "k3s.conf", 4}, {"ip_vs", "k3s.conf", 5}, {"overlay", "k3s.conf", 6}};
  EXPECT_EQ(parsed.entries, expected);
}

struct Bad {
  std::string text;
  int line;
  int column;
  const char* says;
};

TEST(ModulesParse, SaysWhereAndWhatWouldBeRight) {
  const Bad table[] = {
      {"overlay\n  nf_conntrack hashsize=1024", 2, 15, "modprobe.d"},
      {"br_netfilter # why", 1, 13, "own line"},
      {"overlay.ko", 1, 8, "without \".ko\""},
      {"overlay.ko.xz", 1, 8, "without \".ko\""},
      {"../overlay", 1, 1, "path"},
      {"kernel/fs/overlay", 1, 7, "path"},
      {"nf,conntrack", 1, 3, "letters"},
      {std::string("over\0lay", 8), 1, 5, "letters"},
      {"over\x1blay", 1, 5, "letters"},
      {std::string(65, 'a'), 1, 65, "64"},
  };
  for (const Bad& bad : table) {
    const Parsed parsed = parse(bad.text, "f");
    ASSERT_THAT(parsed.problems, SizeIs(1)) << bad.text;
    EXPECT_EQ(parsed.problems[0].line, bad.line) << bad.text;
    EXPECT_EQ(parsed.problems[0].column, bad.column) << bad.text;
    EXPECT_THAT(parsed.problems[0].message, HasSubstr(bad.says)) << bad.text;
  }
}

TEST(ModulesParse, ReportsAllProblemsAndKeepsTheRest) {
  const Parsed parsed = parse("a b\nok\nc d\n" + std::string(64, 'a') + "\n", "f");
  EXPECT_THAT(parsed.problems, SizeIs(2));
  EXPECT_THAT(parsed.entries, SizeIs(2));
}

}  // namespace
}  // namespace bedplate::modules
