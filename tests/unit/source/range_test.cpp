#include "agent/source/range.h"

#include <gtest/gtest.h>

#include "tests/unit/source/fake_objects.h"

namespace bedplate::source {
namespace {

//   a -- b -- c -- m (merge)
//    \            /
//     f1 ------ f2
class Range : public ::testing::Test {
 protected:
  std::string reason(const Commit& base, const Commit& head, const std::vector<Commit>& commits) {
    const auto status = checkRange(objects, base.id, head.id, commits, limits);
    return status ? "" : status.error().reason;
  }

  FakeObjects objects;
  Limits limits;
  ObjectId root = objects.tree({});
  Commit a = objects.commit(root, {}, "a");
  Commit b = objects.commit(root, {a.id}, "b");
  Commit c = objects.commit(root, {b.id}, "c");
  Commit f1 = objects.commit(root, {a.id}, "f1");
  Commit f2 = objects.commit(root, {f1.id}, "f2");
  Commit m = objects.commit(root, {c.id, f2.id}, "m");
};

TEST_F(Range, TakesALine) { EXPECT_EQ(reason(a, c, {b, c}), ""); }

TEST_F(Range, TakesAMergeOfWhatBranchedOffBeforeTheBase) {
  EXPECT_EQ(reason(c, m, {f1, f2, m}), "");
  EXPECT_EQ(reason(b, m, {c, f1, f2, m}), "");
}

TEST_F(Range, SeesCommitsThatAreLeftOut) {
  // Without f1, its child's parent is no ancestor of the base: that is where an unsigned commit would hide.
  EXPECT_EQ(reason(c, m, {f2, m}), "ObjectRefused");
  EXPECT_EQ(reason(c, m, {m}), "ObjectRefused");
}

TEST_F(Range, RefusesAHeadThatDoesNotDescend) {
  EXPECT_EQ(reason(c, f2, {f1, f2}), "NotDescendant");
  EXPECT_EQ(reason(b, f2, {a, f1, f2}), "NotDescendant");
}

TEST_F(Range, RefusesWhatIsNotInOrder) {
  EXPECT_EQ(reason(a, c, {c, b}), "ObjectRefused");
  EXPECT_EQ(reason(a, c, {b, b, c}), "ObjectRefused");
  EXPECT_EQ(reason(a, c, {a, b, c}), "ObjectRefused");
  EXPECT_EQ(reason(a, c, {b}), "ObjectRefused");
  EXPECT_EQ(reason(a, c, {}), "ObjectRefused");
  EXPECT_EQ(reason(a, c, {b, f1, c}), "ObjectRefused");
}

TEST_F(Range, TakesAnUnrelatedHistoryThatIsMergedWhole) {
  const Commit other = objects.commit(root, {}, "other");
  const Commit merge = objects.commit(root, {c.id, other.id}, "merge");
  EXPECT_EQ(reason(c, merge, {other, merge}), "");
  EXPECT_EQ(reason(c, merge, {merge}), "ObjectRefused");
}

TEST_F(Range, StopsAtTheLimitOnTheWayBack) {
  limits.newCommits = 1;
  EXPECT_EQ(reason(c, m, {f1, f2, m}), "TooManyCommits");
}

}  // namespace
}  // namespace bedplate::source
