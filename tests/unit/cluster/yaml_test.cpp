#include "agent/cluster/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

namespace bedplate::cluster::yaml {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

std::vector<std::string> problemsOf(std::string_view text, const Limits& limits = {}) {
  std::vector<std::string> all;
  for (const auto& problem : read(text, limits).problems)
    all.push_back(fmt::format("{}:{}: {}", problem.at.line, problem.at.column, problem.message));
  return all;
}

struct Case {
  const char* what;
  std::string text;
  std::vector<std::string> problems;
};

// Without it the name of the test would be its bytes.
void PrintTo(const Case& value, std::ostream* out) { *out << value.what; }

class YamlProblems : public testing::TestWithParam<Case> {};

TEST_P(YamlProblems, AreSaidWithTheirPlace) { EXPECT_EQ(problemsOf(GetParam().text), GetParam().problems); }

const std::string kAnchor = "anchors are not taken: write the value out where it is needed";
const std::string kAlias = "aliases are not taken: write the value out";
const std::string kInvalid = "not valid YAML: ";

INSTANTIATE_TEST_SUITE_P(
    All, YamlProblems,
    testing::ValuesIn(std::vector<Case>{
        Case{"DuplicateKey", "a: 1\nb: 2\na: 3\n", {"3:1: the key 'a' stands twice in one mapping"}},
        Case{"DuplicateKeyQuoted", "{a: 1, \"a\": 2}", {"1:8: the key 'a' stands twice in one mapping"}},
        Case{"DuplicateDeepDown", "x:\n  - b: 1\n    b: 2\n", {"3:5: the key 'b' stands twice in one mapping"}},
        Case{"SameKeyInTwoMappings", "- a: 1\n- a: 2\n", {}},
        Case{"Anchor", "a: &x 1\nb: 2\n", {"1:4: " + kAnchor}},
        Case{"AnchorOnNothing", "a: &x\n", {"1:4: " + kAnchor}},
        Case{"AnchorOnMapping", "a: &x {b: 1}\n", {"1:4: " + kAnchor}},
        Case{"Alias", "a: &x 1\nb: *x\n", {"1:4: " + kAnchor, "2:4: " + kAlias}},
        Case{"AliasOfNothing", "a: 1\nb: *x\n", {"2:4: " + kAlias}},
        Case{"AliasAsKey", "- &x a\n- *x : b\n", {"1:3: " + kAnchor, "2:3: " + kAlias, "2:3: a key must be text"}},
        Case{"MergeKey", "<<: {a: 1}\n", {"1:1: merge keys are not taken: write the values out"}},
        Case{"MergeKeyQuotedIsAKey", "'<<': {a: 1}\n", {}},
        Case{"Tag", "a: !secret x\n", {"1:4: the tag '!secret' is not taken: values are plain YAML"}},
        Case{"BinaryTag",
             "a: !!binary aGk=\n",
             {"1:4: the tag 'tag:yaml.org,2002:binary' is not taken: values are plain YAML"}},
        Case{"CoreTags", "a: !!str 1\nb: !!int 2\nc: !!map {}\nd: !!seq []\ne: ! x\n", {}},
        Case{"TagBehindDirective",
             "%TAG ! tag:evil,2020:\n--- !x y\n",
             {"2:5: the tag 'tag:evil,2020:x' is not taken: values are plain YAML"}},
        Case{"MappingAsKey", "{a: 1}: 2\n", {"1:1: a key must be text"}},
        Case{"NullAsKey", "~: 2\n", {"1:1: a key must be text"}},
        Case{"ColonMissing", "a: 1\nb\n", {"2:1: ':' is missing after this key"}},
        Case{"SecondDocument", "a: 1\n---\nb: 2\n", {"2:1: a second document: this file holds one"}},
        Case{"LessIndented",
             "  a: 1\nb: 2\n",
             {"2:1: not valid YAML: this line does not belong to what stands above; is its indentation right?"}},
        Case{"SequenceThenMapping",
             "- a\nb: 1\n",
             {"2:1: not valid YAML: this line does not belong to what stands above; is its indentation right?"}},
        Case{"CommaFirst", ",", {"1:1: not valid YAML: this cannot stand at the beginning of a line"}},
        Case{"Tab", "a:\n\tb: 1\n", {"2:1: not valid YAML: a tab cannot indent, use spaces"}},
        Case{"QuoteNeverClosed", "a: 1\nb: 'x\n\n", {"2:4: not valid YAML: this quote is never closed"}},
        Case{"QuoteClosedAtTheEnd", "b: 'it''s'", {}},
        Case{"FlowNeverClosed", "a: {b: 1", {"1:4: " + kInvalid + "this is never closed"}},
        Case{"TwoColons", "a: b: c\n", {"1:5: " + kInvalid + "illegal map value"}},
        Case{"ControlCharacter", "a: 1\nb: \x04\n", {"2:4: the control character 0x04 is not YAML"}},
        Case{"Nul", std::string("a: \0", 4), {"1:4: the control character 0x00 is not YAML"}},
        Case{"Delete", "a: longer than eight\x7f", {"1:21: the control character 0x7f is not YAML"}},
        Case{"LoneCarriageReturn",
             "a: 1\rb: 2",
             {"1:5: a carriage return without its line feed: save the file with LF"}},
        Case{"NotUtf8", "a: \xff\n", {"1:4: not UTF-8: save the file as UTF-8"}},
        Case{"OverlongUtf8", "a: \xc0\xaf\n", {"1:4: not UTF-8: save the file as UTF-8"}},
        Case{"Surrogate", "a: \xed\xa0\x80\n", {"1:4: not UTF-8: save the file as UTF-8"}},
        Case{"CutUtf8", "a: \xe2\x82", {"1:4: not UTF-8: save the file as UTF-8"}},
        Case{"Utf8", "a: \xc3\xb8\xe2\x82\xac\xf0\x9f\x98\x80\n", {}},
        Case{"Windows", "a: 1\r\nb: 2\r\n", {}},
        Case{"ByteOrderMark",
             "\xef\xbb\xbf"
             "a: 1\n",
             {}},
        Case{"Json", "{\"a\":\t\"\\/\\u00f8\",\n\t\"b\": [1,\n\t2, null, true]}", {}},
        Case{"Empty", "", {}},
        Case{"Comment", "# nothing\n", {}}}),
    [](const auto& parameter) { return parameter.param.what; });

TEST(Yaml, AllProblemsAreSaidAtOnce) { EXPECT_THAT(problemsOf("a: &x 1\na: 2\nb: !y 3\nc: *x\n"), SizeIs(4)); }

TEST(Yaml, ProblemsEndSomewhere) {
  std::string text = "a: 1\n";
  for (int i = 0; i < 1000; ++i) text += "a: 1\n";
  EXPECT_THAT(problemsOf(text), SizeIs(Limits{}.problems));
}

TEST(Yaml, EveryLimitHoldsAtItsExactEdge) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_THAT(problemsOf(nested(64)), ElementsAre());
  EXPECT_THAT(problemsOf(nested(65)), ElementsAre("1:65: nested too deeply"));
  EXPECT_THAT(problemsOf(std::string(100000, '[')), SizeIs(1));

  Limits limits;
  limits.nodes = 4;  // the list itself and three values
  EXPECT_THAT(problemsOf("[1, 2, 3]", limits), ElementsAre());
  EXPECT_THAT(problemsOf("[1, 2, 3, 4]", limits),
              ElementsAre("1:11: more values in one file than are taken; split it"));

  std::string large = "a: ";
  large.resize(limits.bytes, 'x');
  limits = {};
  EXPECT_THAT(problemsOf(large, limits), ElementsAre());
  EXPECT_THAT(problemsOf(large + "x", limits), ElementsAre("1:1: larger than is taken for one YAML file"));
}

TEST(Yaml, ManyKeysOfOneMappingAreStillCompared) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "key" + std::to_string(i) + ": x\n";
  EXPECT_THAT(problemsOf(text), ElementsAre());
  EXPECT_THAT(problemsOf(text + "key3: x\nkey4999: x\n"),
              ElementsAre("5001:1: the key 'key3' stands twice in one mapping",
                          "5002:1: the key 'key4999' stands twice in one mapping"));
}

TEST(Yaml, ScalarsStayAsTheyWereWritten) {
  const auto root = read("a: 010\nb: yes\nc: 0x10\nd: 1e3\ne: ~\nf: ''\ng: [on, 'x']\n").root;
  ASSERT_EQ(root.kind, Kind::mapping);
  std::vector<std::string> values;
  for (const auto& entry : root.entries) values.push_back(entry.key + "=" + entry.value.text);
  EXPECT_THAT(values, ElementsAre("a=010", "b=yes", "c=0x10", "d=1e3", "e=", "f=", "g="));
  EXPECT_EQ(root.entries[4].value.kind, Kind::null);
  EXPECT_EQ(root.entries[5].value.kind, Kind::scalar);
  ASSERT_THAT(root.entries[6].value.items, SizeIs(2));
  EXPECT_EQ(root.entries[6].value.items[0].text, "on");
  EXPECT_EQ(root.entries[6].value.items[1].at, (Place{7, 9}));
  EXPECT_EQ(root.entries[6].at, (Place{7, 1}));
}

TEST(Yaml, SaysNothing) {
  for (const char* empty : {"", "\n\n", "# x\n", "---\n# x\n---\n", "  # x", "\xef\xbb\xbf# x\n", "--- # x\r\n"})
    EXPECT_TRUE(saysNothing(empty)) << empty;
  for (const char* something : {"a", "{}", "--- a", "----", "---#", "\t---\n", " ---\n", "# x\nnull\n", "%YAML 1.2\n"})
    EXPECT_FALSE(saysNothing(something)) << something;
}

TEST(Yaml, WhatKubernetesWouldNotTakeForAString) {
  for (const char* other : {"1", "-1", "+1", "1.5", ".5", "1.", "1e3", "1E+3", "0x1f", "0o17", "0b1", "1_000", "on",
                            "No", "TRUE", "y", ".inf", "-.inf", ".NaN"})
    EXPECT_TRUE(notAString(other)) << other;
  for (const char* text : {"", "a", "web-01", "1a", "1.2.3", "e3", "0x", "0xg", "-", ".", "_1", "onn", "1e", "1e+"})
    EXPECT_FALSE(notAString(text)) << text;
}

}  // namespace
}  // namespace bedplate::cluster::yaml
