#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/trust/trust.h"
#include "tests/unit/source/fake_objects.h"

namespace bedplate::trust {
namespace {

using source::Commit;
using source::FakeObjects;
using source::ObjectId;
using ::testing::ElementsAre;

class PathRuleTest : public ::testing::Test {
 protected:
  // A tree with a/node of this content and apps/x of that; "" leaves out.
  ObjectId tree(const std::string& node, const std::string& apps) {
    std::vector<source::TreeEntry> top;
    const auto directory = [&](const char* name, const char* file, const std::string& content) {
      if (content.empty()) return;
      top.push_back({0040000, name, objects.tree({{0100644, file, objects.blob(content)}})});
    };
    directory("a", "node", node);
    directory("apps", "x", apps);
    return objects.tree(top);
  }
  std::vector<bool> must(const std::vector<Commit>& commits, const std::string& path) {
    const auto answer = mustBeSigned(objects, commits, path);
    EXPECT_TRUE(answer) << answer.error().text();
    return answer.value_or(std::vector<bool>{});
  }

  FakeObjects objects;
};

TEST_F(PathRuleTest, OnlyWhatTouchesThePathMustBeSigned) {
  const auto root = objects.commit(tree("1", "1"));
  const auto apps = objects.commit(tree("1", "2"), {root.id});
  const auto node = objects.commit(tree("2", "2"), {apps.id});
  const auto gone = objects.commit(tree("", "2"), {node.id});
  const auto still = objects.commit(tree("", "3"), {gone.id});
  const std::vector<Commit> all{root, apps, node, gone, still};
  EXPECT_THAT(must(all, "a"), ElementsAre(true, false, true, true, false));
  EXPECT_THAT(must(all, "/./a//node/"), ElementsAre(true, false, true, true, false));
  EXPECT_THAT(must(all, "apps"), ElementsAre(true, true, false, false, true));
  EXPECT_THAT(must(all, "elsewhere/x"), ElementsAre(false, false, false, false, false));
  EXPECT_THAT(must(all, "a/node/below"), ElementsAre(false, false, false, false, false));
  EXPECT_THAT(must(all, ""), ElementsAre(true, true, true, true, true));
  EXPECT_THAT(must({}, "a"), ElementsAre());
}

TEST_F(PathRuleTest, AMergeAnswersForEachOfItsParents) {
  const auto base = objects.commit(tree("1", "1"));
  const auto left = objects.commit(tree("2", "1"), {base.id}, "left");
  const auto right = objects.commit(tree("1", "2"), {base.id}, "right");
  const auto takesLeft = objects.commit(tree("2", "2"), {left.id, right.id}, "takes left");
  const auto takesRight = objects.commit(tree("1", "2"), {left.id, right.id}, "takes right");
  const auto evil = objects.commit(tree("3", "2"), {left.id, right.id}, "evil");
  EXPECT_THAT(must({takesLeft, takesRight, evil}, "a"), ElementsAre(true, true, true));
  const auto other = objects.commit(tree("1", "3"), {base.id}, "other");
  EXPECT_THAT(must({objects.commit(tree("1", "4"), {right.id, other.id})}, "a"), ElementsAre(false));
}

TEST_F(PathRuleTest, AChangeOfKindIsAChange) {
  const ObjectId blob = objects.blob("x");
  const auto file = objects.commit(objects.tree({{0100644, "a", blob}}));
  const auto link = objects.commit(objects.tree({{0120000, "a", blob}}), {file.id});
  EXPECT_THAT(must({link}, "a"), ElementsAre(true));
}

TEST_F(PathRuleTest, WhatIsMissingIsAnErrorAndNoExemption) {
  const auto root = objects.commit(tree("1", "1"));
  const auto next = objects.commit(tree("1", "2"), {root.id});
  objects.forget(root.id);
  EXPECT_EQ(mustBeSigned(objects, {next}, "a").error().reason, "ObjectMissing");
  EXPECT_TRUE(mustBeSigned(objects, {root, next}, "a"));
  objects.forget(root.tree);
  EXPECT_EQ(mustBeSigned(objects, {root, next}, "a").error().reason, "ObjectMissing");
}

TEST_F(PathRuleTest, AsksForTheObjectsOfManyCommitsTogether) {
  std::vector<Commit> all{objects.commit(tree("1", "0"))};
  for (int i = 1; i <= 1000; ++i) all.push_back(objects.commit(tree("1", std::to_string(i)), {all.back().id}));
  objects.requests = 0;
  const auto answer = must(all, "a/node");
  EXPECT_EQ(std::count(answer.begin(), answer.end(), true), 1);
  EXPECT_LT(objects.requests, 40u);
}

}  // namespace
}  // namespace bedplate::trust
