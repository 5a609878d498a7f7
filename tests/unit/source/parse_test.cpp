#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/source/source.h"
#include "agent/source/text.h"

namespace bedplate::source {
namespace {

using ::testing::HasSubstr;

const std::string kHex(40, 'a');
const ObjectId kId = *ObjectId::fromHex(kHex);
const std::string kTree = "tree " + kHex + "\n";
const std::string kParent = "parent " + kHex + "\n";
const std::string kPeople = "author A U Thor <a@x> 1700000000 +0100\ncommitter C <c@x> 1700000001 -0230\n";

TEST(ObjectId, RoundTripsBothSizesAndRefusesOthers) {
  EXPECT_EQ(ObjectId::fromHex("00FF" + std::string(36, '1'))->hex(), "00ff" + std::string(36, '1'));
  EXPECT_EQ(ObjectId::fromHex(std::string(64, 'c'))->size(), 32u);
  EXPECT_FALSE(ObjectId::fromHex(std::string(39, 'c')));
  EXPECT_FALSE(ObjectId::fromHex(std::string(39, 'c') + "g"));
  EXPECT_FALSE(ObjectId::fromBytes("abc"));
  EXPECT_EQ(ObjectId::fromBytes(kId.bytes()), kId);
  EXPECT_TRUE(ObjectId{}.empty());
}

TEST(HashObject, IsWhatGitComputes) {
  // git hash-object --stdin, without and with --object-format=sha256; the empty tree.
  EXPECT_EQ(hashObject(ObjectType::blob, "hello\n", 20).hex(), "ce013625030ba8dba906f756967f9e9ca394464a");
  EXPECT_EQ(hashObject(ObjectType::blob, "hello\n", 32).hex(),
            "2cf8d83d9ee29543b34a87727421fdecb7e3f3a183d337639025de576db9ebb4");
  EXPECT_EQ(hashObject(ObjectType::tree, "", 20).hex(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
}

TEST(ParseCommit, ReadsAMergeWithASignature) {
  const auto commit = parseCommit(kId, kTree + kParent + kParent + kPeople +
                                           "gpgsig -----BEGIN SSH SIGNATURE-----\n U1NI\n -----END-----\n\nraise "
                                           "conntrack\n\nbody\n");
  ASSERT_TRUE(commit) << commit.error().text();
  EXPECT_EQ(commit->parents.size(), 2u);
  EXPECT_EQ(commit->author, "A U Thor <a@x>");
  EXPECT_EQ(commit->committed, 1700000001);
  EXPECT_EQ(commit->subject, "raise conntrack");
  EXPECT_EQ(commit->tree.hex(), kHex);
}

TEST(ParseCommit, TakesAnEmptyMessage) {
  EXPECT_TRUE(parseCommit(kId, kTree + kPeople));
  EXPECT_EQ(parseCommit(kId, kTree + kPeople + "\n")->subject, "");
}

TEST(ParseCommit, MakesForeignTextFitToBeShown) {
  const auto commit = parseCommit(
      kId, kTree + "author \x1b[31mEvil <e@x> 1 +0000\ncommitter C <c@x> 1 +0000\n\n\xff\xe2\x80\xae hi \xc3\xb8\n");
  ASSERT_TRUE(commit);
  EXPECT_EQ(commit->author, "?[31mEvil <e@x>");
  EXPECT_EQ(commit->subject, "?? hi \xc3\xb8");
}

TEST(ParseCommit, CutsTheSubjectBetweenCharacters) {
  const auto commit = parseCommit(kId, kTree + kPeople + "\n" + std::string(199, 'x') + "\xc3\xb8\n");
  ASSERT_TRUE(commit);
  EXPECT_EQ(commit->subject, std::string(199, 'x'));
}

TEST(ParseCommit, RefusesWhatGitWouldNotWrite) {
  std::string parents;
  for (int i = 0; i < 65; ++i) parents += kParent;
  const std::string bad[] = {
      "",
      "tree " + kHex,
      kPeople,
      kParent + kTree + kPeople,
      kTree + "author A <a@x> 1 +0000\n",
      kTree + "committer C <c@x> 1 +0000\nauthor A <a@x> 1 +0000\n\n",
      kTree + kPeople + "tree " + kHex + "\n\nx",
      kTree + kPeople + "encoding x\n" + kParent + "\nx",
      kTree + parents + kPeople + "\nx",
      kTree + "parent abc\n" + kPeople + "\nx",
      kTree + kPeople + "\nx" + std::string(1, '\0'),
      kTree + "author A <a@x> later +0000\ncommitter C <c@x> 1 +0000\n\n",
      kTree + "author A 1 +0000\ncommitter C <c@x> 1 +0000\n\n",
      kTree + kPeople + "gpgsig unended",
      "tree " + std::string(64, 'a') + "\n" + kPeople + "\nx",
  };
  for (const auto& raw : bad) {
    const auto commit = parseCommit(kId, raw);
    ASSERT_FALSE(commit) << raw;
    EXPECT_EQ(commit.error().reason, "ObjectRefused");
    EXPECT_THAT(commit.error().thing, HasSubstr(kHex));
  }
}

std::string entry(const std::string& mode, const std::string& name) {
  return mode + " " + name + std::string(1, '\0') + std::string(kId.bytes());
}

TEST(ParseTree, ReadsEveryKindInGitsOrder) {
  const auto tree = parseTree(entry("100644", "a") + entry("100755", "a-b") + entry("40000", "a0") +
                                  entry("120000", "link") + entry("160000", "module"),
                              20);
  ASSERT_TRUE(tree) << tree.error().text();
  ASSERT_EQ(tree->size(), 5u);
  EXPECT_EQ((*tree)[2].mode, 0040000u);
  EXPECT_EQ((*tree)[3].name, "link");
  EXPECT_EQ((*tree)[4].id, kId);
}

TEST(ParseTree, SortsDirectoriesWithTheirSlash) {
  EXPECT_TRUE(parseTree(entry("100644", "a.b") + entry("40000", "a"), 20));
  EXPECT_FALSE(parseTree(entry("40000", "a") + entry("100644", "a.b"), 20));
}

TEST(ParseTree, RefusesWhatNoDirectoryMayHold) {
  const std::string bad[] = {
      entry("100644", ""),
      entry("100644", "."),
      entry("40000", ".."),
      entry("40000", ".git"),
      entry("40000", ".GiT"),
      entry("100644", "a/b"),
      entry("040000", "a"),
      entry("100600", "a"),
      entry("", "a"),
      entry("100644", "a").substr(0, 20),
      "100644 a",
      entry("100644", "b") + entry("100644", "a"),
      entry("100644", "a") + entry("100644", "a"),
      entry("100644", "a") + entry("100644", "a.b") + entry("40000", "a"),
      std::string(1, '\0') + entry("100644", "a"),
  };
  for (const auto& raw : bad) {
    const auto tree = parseTree(raw, 20);
    ASSERT_FALSE(tree) << raw;
    EXPECT_EQ(tree.error().reason, "ObjectRefused");
  }
}

TEST(ParseTree, LeavesStrangeNamesToTheSnapshot) {
  const auto tree = parseTree(entry("100644", "new\nline"), 20);
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree->front().name, "new\nline");
}

TEST(ShownPath, TellsControlCharactersApart) {
  EXPECT_EQ(shownPath("a\nb\tc\x07\xff"), "a\\nb\\tc\\x07\\xff");
  EXPECT_EQ(shownPath("\xe2\x80\xae"
                      "abc"),
            "\\xe2\\x80\\xae"
            "abc");
}

}  // namespace
}  // namespace bedplate::source
