#include "agent/trust/signed_commit.h"

#include <gtest/gtest.h>

namespace bedplate::trust {
namespace {

const std::string kHead = "tree 1111111111111111111111111111111111111111\nauthor A <a@x> 1 +0000\n";
const std::string kCommitter = "committer A <a@x> 1 +0000\n";
const std::string kSignature = "gpgsig -----BEGIN X-----\n abc\n \n def\n -----END X-----\n";

TEST(SignedCommitTest, TakesTheSignatureOutAndLeavesEveryOtherByte) {
  const std::string other = "encoding x\nmergetag object 1\n gpgsig in it\n  more\n";
  const auto commit = splitCommit(kHead + kCommitter + other + kSignature + "HG:extra x\n\nsubject\n\ngpgsig no\n", 20);
  ASSERT_TRUE(commit);
  EXPECT_EQ(commit->signature, "-----BEGIN X-----\nabc\n\ndef\n-----END X-----\n");
  EXPECT_EQ(commit->payload, kHead + kCommitter + other + "HG:extra x\n\nsubject\n\ngpgsig no\n");
}

TEST(SignedCommitTest, IsUnsignedWithoutTheHeader) {
  for (const std::string& rest : {std::string("\nx\n"), std::string(""), "\nx\n" + kSignature, "\n" + kSignature}) {
    const auto commit = splitCommit(kHead + kCommitter + rest, 20);
    ASSERT_TRUE(commit);
    EXPECT_EQ(commit->signature, "");
    EXPECT_EQ(commit->payload, kHead + kCommitter + rest);
  }
  EXPECT_TRUE(signatureInMessage(kHead + kCommitter + "\nx\n" + kSignature));
  EXPECT_TRUE(signatureInMessage(kHead + kCommitter + "\n" + kSignature));
  EXPECT_FALSE(signatureInMessage(kHead + kCommitter + kSignature + "\nx\n"));
}

TEST(SignedCommitTest, RefusesAllThatGitWouldPassOver) {
  const std::string sha256 = "gpgsig-sha256 -----BEGIN X-----\n -----END X-----\n";
  for (const std::string& headers :
       {kSignature + kSignature, kSignature + sha256, sha256 + kSignature, sha256, std::string("gpgsigner x\n"),
        std::string("gpgsig\n x\n"), std::string("gpgsig \n"), std::string("gpgsig \n \n")}) {
    const auto commit = splitCommit(kHead + kCommitter + headers + "\nx\n", 20);
    ASSERT_FALSE(commit) << headers;
    EXPECT_EQ(commit.error().reason, "Malformed");
  }
}

TEST(SignedCommitTest, ASha256CommitHasItsOwnHeader) {
  const std::string sha256 = "gpgsig-sha256 -----BEGIN X-----\n -----END X-----\n";
  const auto commit = splitCommit(kHead + sha256 + "\nx\n", 32);
  ASSERT_TRUE(commit);
  EXPECT_EQ(commit->payload, kHead + "\nx\n");
  EXPECT_EQ(commit->signature, "-----BEGIN X-----\n-----END X-----\n");
  EXPECT_FALSE(splitCommit(kHead + kSignature + "\nx\n", 32));
}

TEST(SignedCommitTest, ACutObjectIsNoCrash) {
  const std::string raw = kHead + kCommitter + kSignature + "\nx\n";
  for (std::size_t length = 0; length <= raw.size(); ++length)
    static_cast<void>(splitCommit(std::string_view(raw).substr(0, length), 20));
}

}  // namespace
}  // namespace bedplate::trust
