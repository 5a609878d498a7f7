#include "agent/k3s/lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bedplate::k3s {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(TopLevelValue, TakesWhatStandsAtTheBeginningOfALine) {
  const std::pair<const char*, const char*> good[] = {{"node-name: web-01\n", "web-01"},
                                                      {"a: b\nnode-name:   web-01   # why\nc: d", "web-01"},
                                                      {"node-name: \"web-01\" # x\n", "web-01"},
                                                      {"'node-name': 'web-01'\r\n", "web-01"},
                                                      {"\"node-name\" : web-01", "web-01"},
                                                      {"node-name: a\nnode-name: b\n", "b"},
                                                      {"node-name: a#b\n", "a#b"},
                                                      {"node-name:\n", ""},
                                                      {"node-name: # none\n", ""},
                                                      {"node-name: \"open\n", ""}};
  for (const auto& [yaml, value] : good) EXPECT_EQ(topLevelValue(yaml, "node-name"), value) << yaml;
  for (const char* none : {"", "  node-name: x\n", "#node-name: x\n", "node-names: x\n", "x-node-name: x\n",
                           "node-name\n", "node-name:x\n", "node-name+: x\n", "\"node-name: x\n"})
    EXPECT_EQ(topLevelValue(none, "node-name"), std::nullopt) << none;
}

TEST(CommandWords, ReadsAUnitOfTheInstaller) {
  EXPECT_THAT(
      commandWords("[Service]\nType=notify\nExecStartPre=/bin/x y\nExecStart=/usr/local/bin/k3s \\\n    server \\\n"
                   "\t'--node-name' \\\n\t'web 01' \\\n\n[Install]\n"),
      ElementsAre("server", "--node-name", "web 01"));
  EXPECT_THAT(commandWords("ExecStart=/a b\nExecStart=\nExecStart=/c \"d e\" ''\n"), ElementsAre("d e", ""));
  EXPECT_THAT(commandWords("ExecStart=/a \\\n# comment\nb\n"), ElementsAre("b"));
  EXPECT_THAT(commandWords(""), IsEmpty());
  EXPECT_THAT(commandWords("ExecStart=\\"), IsEmpty());
}

TEST(OptionValue, InBothSpellings) {
  EXPECT_EQ(optionValue({"--a", "b"}, "--a"), "b");
  EXPECT_EQ(optionValue({"--a=b"}, "--a"), "b");
  EXPECT_EQ(optionValue({"--a", "b", "--a=c"}, "--a"), "c");
  EXPECT_EQ(optionValue({"--a="}, "--a"), "");
  EXPECT_EQ(optionValue({"--a"}, "--a"), std::nullopt);
  EXPECT_EQ(optionValue({"--ab", "c"}, "--a"), std::nullopt);
}

TEST(FirstLine, SkipsBlanksAndComments) {
  EXPECT_EQ(firstLine("# name\n\n  web-01 \nother\n"), "web-01");
  EXPECT_EQ(firstLine("\n"), "");
}

}  // namespace
}  // namespace bedplate::k3s
