// How far new commits take a node: which of them hold, and what a merge is worth.
#include <gtest/gtest.h>

#include <map>

#include "agent/trust/trust.h"

namespace bedplate::trust {
namespace {

using source::Commit;
using source::ObjectId;
using source::ObjectType;

// Commits with trees of one file each, made by hand; a message that says "signed" is a good signature.
class Repository final : public source::Objects {
 public:
  Commit commit(const std::string& content, const std::vector<ObjectId>& parents, const std::string& message) {
    const ObjectId blob = put(ObjectType::blob, content);
    const ObjectId inner = put(ObjectType::tree, entry("100644", "f", blob));
    const ObjectId tree = put(ObjectType::tree, entry("40000", "node", inner));
    std::string raw = "tree " + tree.hex() + "\n";
    for (const auto& parent : parents) raw += "parent " + parent.hex() + "\n";
    raw += "author A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\n" + message + "\n";
    return source::parseCommit(put(ObjectType::commit, raw), raw).value();
  }
  host::Result<std::vector<std::optional<std::string>>> get(ObjectType, const std::vector<ObjectId>& ids,
                                                            std::size_t) override {
    std::vector<std::optional<std::string>> got;
    for (const auto& id : ids) {
      const auto found = objects_.find(id);
      if (found == objects_.end()) return host::fail("ObjectMissing", id.hex(), "is not there");
      got.emplace_back(found->second);
    }
    return got;
  }

 private:
  static std::string entry(const std::string& mode, const std::string& name, const ObjectId& id) {
    return mode + " " + name + std::string(1, '\0') + std::string(id.bytes());
  }
  ObjectId put(ObjectType type, const std::string& bytes) {
    const ObjectId id = source::hashObject(type, bytes, 20);
    objects_[id] = bytes;
    return id;
  }
  std::map<ObjectId, std::string> objects_;
};

class Words final : public Verifier {
 public:
  host::Result<Verdict> verify(const Commit& commit, std::int64_t atUs) override {
    asked[commit.subject] = atUs;
    Verdict verdict;
    verdict.standing = commit.subject.find("signed") != std::string::npos ? Standing::good : Standing::unsignedCommit;
    return verdict;
  }
  std::map<std::string, std::int64_t> asked;
};

struct Judge : testing::Test {
  Judged judged(const std::vector<Commit>& commits, bool firstContact = false) {
    return judge(repository, words, commits, "node", firstContact, [](const ObjectId&) { return 7; }).value();
  }
  std::string to(const std::vector<Commit>& commits) {
    const auto one = judged(commits);
    return one.to ? one.to->subject : "";
  }
  Repository repository;
  Words words;
  Commit base = repository.commit("0", {}, "base");
};

TEST_F(Judge, AllThatAreSignedTakeItToTheHead) {
  const auto one = repository.commit("1", {base.id}, "signed one");
  const auto two = repository.commit("2", {one.id}, "signed two");
  const auto found = judged({one, two});
  EXPECT_EQ(found.to->id, two.id);
  EXPECT_FALSE(found.bad);
  EXPECT_EQ(words.asked, (std::map<std::string, std::int64_t>{{"signed one", 7}, {"signed two", 7}}));
}

TEST_F(Judge, ItStopsBeforeTheFirstThatIsNot) {
  const auto one = repository.commit("1", {base.id}, "signed one");
  const auto bad = repository.commit("2", {one.id}, "bad");
  const auto worse = repository.commit("3", {bad.id}, "worse");
  const auto last = repository.commit("4", {worse.id}, "signed last");
  const auto found = judged({one, bad, worse, last});
  EXPECT_EQ(found.to->id, one.id);
  EXPECT_EQ(found.bad->commit.id, bad.id);
  EXPECT_FALSE(judged({bad, worse, last}).to);
}

TEST_F(Judge, WhatChangesNothingThereNeedsNoSignature) {
  const auto one = repository.commit("0", {base.id}, "an image tag");
  EXPECT_EQ(to({one}), "an image tag");
  EXPECT_TRUE(words.asked.empty());
}

TEST_F(Judge, AMergeAnswersForBothSides) {
  const auto left = repository.commit("1", {base.id}, "signed left");
  const auto right = repository.commit("0", {base.id}, "right");
  const auto merge = repository.commit("1", {left.id, right.id}, "merge");
  EXPECT_EQ(to({left, right, merge}), "signed left");  // its tree is not that of the right side
  const auto good = repository.commit("1", {left.id, right.id}, "signed merge");
  EXPECT_EQ(to({left, right, good}), "signed merge");
}

TEST_F(Judge, ASideBranchIsNoPlaceToGoTo) {
  const auto side = repository.commit("1", {base.id}, "signed side");
  const auto bad = repository.commit("2", {base.id}, "bad");
  const auto merge = repository.commit("3", {bad.id, side.id}, "signed merge");
  EXPECT_EQ(to({side, bad, merge}), "");
  const auto other = repository.commit("3", {side.id, bad.id}, "signed other merge");
  EXPECT_EQ(to({side, bad, other}), "signed side");  // the branch was there
}

TEST_F(Judge, OnFirstContactTheHeadVouchesForAll) {
  const auto one = repository.commit("1", {base.id}, "one");
  const auto two = repository.commit("1", {one.id}, "two changes nothing");
  EXPECT_FALSE(judged({one, two}, true).to);
  EXPECT_EQ(judged({one, two}, true).bad->commit.id, two.id);
  const auto three = repository.commit("1", {two.id}, "signed three");
  EXPECT_EQ(judged({one, two, three}, true).to->id, three.id);
}

TEST_F(Judge, WhatIsNotSentIsAnError) {
  const auto orphan = repository.commit("1", {*ObjectId::fromHex(std::string(40, 'a'))}, "signed");
  EXPECT_EQ(judge(repository, words, {orphan}, "node", false, [](const ObjectId&) { return 7; }).error().reason,
            "ObjectMissing");
}

}  // namespace
}  // namespace bedplate::trust
