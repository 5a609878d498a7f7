#include "agent/trust/trust.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/lib/temp_tree.h"
#include "tuning/host/paths.h"

namespace bedplate::trust {
namespace {

using source::Commit;
using source::ObjectId;
using ::testing::HasSubstr;

const ObjectId kOld = *ObjectId::fromHex(std::string(40, '1'));
const ObjectId kNew = *ObjectId::fromHex(std::string(40, '2'));

// Answers range() and remembers what it was asked.
class FakeSession final : public source::Session {
 public:
  [[nodiscard]] const ObjectId& head() const override { return kNew; }
  host::Status fetch() override { return {}; }
  host::Result<std::vector<std::optional<std::string>>> get(source::ObjectType, const std::vector<ObjectId>&,
                                                            std::size_t) override {
    return host::fail("ObjectMissing", "", "");
  }
  host::Result<std::vector<Commit>> range(const ObjectId& base, const ObjectId& head, const source::Limits&) override {
    ++asked;
    from = base;
    if (rewritten) return host::fail("NotDescendant", head.hex(), "does not descend", "bedplate trust accept");
    Commit commit;
    commit.id = head;
    return std::vector<Commit>{commit};
  }
  host::Result<ObjectId> resolve(const std::string&) override { return kNew; }

  bool rewritten = false;
  int asked = 0;
  ObjectId from;
};

class TrustTest : public ::testing::Test {
 protected:
  testlib::TempTree tree;
  FakeSession session;
  source::Limits limits;
};

TEST_F(TrustTest, KeepsTheAcceptedCommit) {
  EXPECT_FALSE(readAccepted(tree.files())->has_value());
  ASSERT_TRUE(writeAccepted(tree.files(), {kOld, "agent", 1'790'000'000'000'001}));
  ASSERT_TRUE(writeAccepted(tree.files(), {kNew, "operator", 1'790'000'000'000'002}));
  EXPECT_EQ(tree.read(host::paths::accepted), "1 " + kNew.hex() + " operator 1790000000000002\n");
  const auto accepted = readAccepted(tree.files());
  ASSERT_TRUE(accepted && *accepted);
  EXPECT_EQ((*accepted)->commit, kNew);
  EXPECT_EQ((*accepted)->by, "operator");
  EXPECT_EQ((*accepted)->wallUs, 1'790'000'000'000'002);
  EXPECT_EQ(tree.files().info(host::paths::accepted)->mode, 0600u);
}

TEST_F(TrustTest, NeverTakesACorruptFloorForNone) {
  const std::string id = kOld.hex();
  for (const std::string& text :
       {std::string(), std::string("\n"), "1 " + id + " agent 5", "2 " + id + " agent 5\n",
        std::string("1 abc agent 5\n"), "1 " + id + " nobody 5\n", "1 " + id + " agent \n", "1 " + id + " agent 5 \n",
        "1 " + id + " agent 5\nx\n", "1 " + id + " agent -\n", std::string(5000, 'x')}) {
    tree.write(host::paths::accepted, text);
    const auto accepted = readAccepted(tree.files());
    ASSERT_FALSE(accepted) << text;
    EXPECT_EQ(accepted.error().reason, "Corrupt") << text;
    EXPECT_THAT(accepted.error().todo, HasSubstr("bedplate trust accept")) << text;
  }
}

TEST_F(TrustTest, DoesNotWriteWhatItCouldNotRead) {
  EXPECT_EQ(writeAccepted(tree.files(), {kOld, "some body", 5}).error().reason, "Invalid");
  EXPECT_EQ(writeAccepted(tree.files(), {ObjectId{}, "agent", 5}).error().reason, "Invalid");
  EXPECT_FALSE(tree.exists(host::paths::accepted));
}

TEST_F(TrustTest, AsksForNothingWhenNothingIsNew) {
  const auto commits = newCommits(session, kNew, Accepted{kNew, "agent", 1}, {}, limits);
  ASSERT_TRUE(commits);
  EXPECT_TRUE(commits->empty());
  EXPECT_EQ(session.asked, 0);
}

TEST_F(TrustTest, BeginsAtTheFloorAndOnFirstContactAtTheMinimum) {
  ASSERT_TRUE(newCommits(session, kNew, Accepted{kOld, "agent", 1}, {kNew}, limits));
  EXPECT_EQ(session.from, kOld);
  ASSERT_TRUE(newCommits(session, kNew, std::nullopt, {kOld}, limits));
  EXPECT_EQ(session.from, kOld);
  ASSERT_TRUE(newCommits(session, kNew, std::nullopt, {}, limits));
  EXPECT_TRUE(session.from.empty());
}

TEST_F(TrustTest, RefusesARewrittenHistoryWithTheWayOut) {
  session.rewritten = true;
  const auto commits = newCommits(session, kNew, Accepted{kOld, "agent", 1}, {}, limits);
  ASSERT_FALSE(commits);
  EXPECT_EQ(commits.error().reason, "NotDescendant");
  EXPECT_THAT(commits.error().todo, HasSubstr("bedplate trust accept"));
  EXPECT_THAT(newCommits(session, kNew, std::nullopt, {kOld}, limits).error().text(), HasSubstr("minimum-commit"));
}

TEST_F(TrustTest, RefusesAHashOfAnotherKind) {
  const ObjectId sha256 = *ObjectId::fromHex(std::string(64, '2'));
  EXPECT_EQ(newCommits(session, sha256, Accepted{kOld, "agent", 1}, {}, limits).error().reason, "NotDescendant");
  EXPECT_EQ(session.asked, 0);
}

}  // namespace
}  // namespace bedplate::trust
