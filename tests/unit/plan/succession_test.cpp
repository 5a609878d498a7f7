#include "agent/plan/succession.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tuning/host/paths.h"

namespace bedplate::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string object(const std::string& kind, const std::string& name) {
  const char* version = kind == "StatefulSet" ? "apps/v1" : "v1";
  return std::string("apiVersion: ") + version + "\nkind: " + kind + "\nmetadata:\n  name: " + name + "\n---\n";
}
std::string map(const std::string& name) { return object("ConfigMap", name); }

// A node whose manifests follow one target after the other.
class SuccessionTest : public testing::Test {
 protected:
  static std::string pathOf(const std::string& name) { return std::string(host::paths::k3sManifests) + "/" + name; }

  static FileTarget file(const std::string& name, const std::string& content) {
    FileTarget file;
    file.path = pathOf(name + "-1234.yaml");
    file.file = "manifests/" + name + ".yaml";
    file.layer = "cluster";
    file.content = std::make_shared<const std::string>(content);
    file.sha256 = sha256(content);
    return file;
  }

  static Target target(std::vector<FileTarget> files, const std::string& commit = "abc") {
    Target target;
    target.commit = commit;
    target.files = std::move(files);
    std::sort(target.files.begin(), target.files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return target;
  }

  // In force is what was gone to, as it is read from disk.
  Successor go(const Target& wanted) {
    const Succession in{.wanted = wanted,
                        .before = before,
                        .deployed = deployed,
                        .hasRun = hasRun,
                        .mayPrune = mayPrune,
                        .allowed = allowed,
                        .elsewhere = elsewhere,
                        .byHand = byHand,
                        .content = [&](const std::string& hash) -> host::Result<std::shared_ptr<const std::string>> {
                          const auto found = blobs.find(hash);
                          if (found == blobs.end()) return host::fail("NotFound", hash, "is no content");
                          return found->second;
                        }};
    auto result = succeed(in);
    EXPECT_TRUE(result) << result.error().text();
    if (!result) return {};
    before = result->target;
    for (auto& one : before.files) {
      if (one.content) blobs[one.sha256] = one.content;
      one.content.reset();
      one.objects.reset();
    }
    return *std::move(result);
  }

  // K3s has taken all that is in force.
  void deploy() {
    deployed.known = true;
    for (const auto& one : before.files) deployed.addons[addonOf(one.path)] = {"/" + one.path, one.sha256, {}, {}};
  }
  void owns(const std::string& kind, const std::string& name, const std::string& manifest) {
    const char* group = kind == "StatefulSet" ? "apps" : "";
    deployed.owners[std::string(group) + "/" + kind + "/default/" + name] = manifest + "-1234";
  }

  static std::vector<std::string> stages(const Successor& successor) {
    std::vector<std::string> all;
    for (const auto& one : successor.target.files)
      all.push_back(one.file.substr(10, one.file.size() - 15) + " " + name(one.stage));
    return all;
  }
  static const FileTarget& only(const Successor& successor, Stage stage) {
    static const FileTarget kNone;
    for (const auto& one : successor.target.files)
      if (one.stage == stage) return one;
    return kNone;
  }

  // So that one more or less is not the half.
  std::vector<FileTarget> with(std::vector<FileTarget> files) {
    for (const char* name : {"q1", "q2", "q3", "q4"}) files.push_back(file(name, map(name)));
    return files;
  }

  Target before;
  Deployed deployed;
  bool hasRun = true, mayPrune = false;
  std::vector<std::string> allowed;
  std::set<std::string> elsewhere;
  std::vector<HandPlaced> byHand;
  std::map<std::string, std::shared_ptr<const std::string>> blobs;
};

TEST_F(SuccessionTest, WhatLeavesIsEmptiedThenRemovedThenForgotten) {
  go(target(with({file("a", map("a"))})));
  deploy();
  const Target wanted = target(with({}), "c0ffee");
  auto step = go(wanted);
  EXPECT_THAT(stages(step), ElementsAre("a tombstone", "q1 wanted", "q2 wanted", "q3 wanted", "q4 wanted"));
  EXPECT_THAT(*only(step, Stage::tombstone).content, HasSubstr("commit c0ffee"));
  EXPECT_THAT(cluster::readManifest(*only(step, Stage::tombstone).content).objects, IsEmpty());
  // K3s has not looked yet, or does not answer.
  EXPECT_EQ(stages(go(wanted)).front(), "a tombstone");
  deploy();
  deployed.known = false;
  EXPECT_EQ(stages(go(wanted)).front(), "a tombstone");
  deployed.known = true;
  step = go(wanted);
  EXPECT_EQ(step.target.files.size(), 4U);
  EXPECT_THAT(step.target.buried, ElementsAre(pathOf("a-1234.yaml")));
  EXPECT_THAT(go(wanted).target.buried, ElementsAre(pathOf("a-1234.yaml")));  // its Addon is there
  deployed.addons.erase("a-1234");
  EXPECT_THAT(go(wanted).target.buried, IsEmpty());
}

TEST_F(SuccessionTest, WhatComesBackOnTheWayIsAsGitSays) {
  const Target with_a = target(with({file("a", map("a"))}));
  go(with_a);
  deploy();
  go(target(with({})));
  EXPECT_EQ(stages(go(with_a)).front(), "a wanted");
  deploy();
  go(target(with({})));
  deploy();
  EXPECT_FALSE(go(target(with({}))).target.buried.empty());
  const auto back = go(with_a);
  EXPECT_EQ(stages(back).front(), "a wanted");
  EXPECT_THAT(back.target.buried, IsEmpty());
}

TEST_F(SuccessionTest, WithoutPruneOrBeforeK3sEverRanTheFileJustGoes) {
  go(target(with({file("a", map("a"))})));
  hasRun = false;
  EXPECT_EQ(go(target(with({}))).target.files.size(), 4U);
  hasRun = true;
  go(target(with({file("a", map("a"))})));
  Target wanted = target(with({}));
  wanted.prune = false;
  EXPECT_EQ(go(wanted).target.files.size(), 4U);
}

TEST_F(SuccessionTest, GuardsEachOfTheKindsThatTakeMuchAlong) {
  const std::vector<std::pair<const char*, const char*>> kinds = {
      {"v1", "Namespace"},
      {"apiextensions.k8s.io/v1", "CustomResourceDefinition"},
      {"v1", "PersistentVolume"},
      {"v1", "PersistentVolumeClaim"},
      {"apps/v1", "StatefulSet"},
      {"helm.cattle.io/v1", "HelmChart"},
      {"argoproj.io/v1alpha1", "Application"}};
  for (const auto& [version, kind] : kinds) {
    before = {};
    deployed = {};
    const std::string text =
        map("beside") + "apiVersion: " + version + "\nkind: " + kind + "\nmetadata: {name: much}\n";
    go(target(with({file("a", text)})));
    deploy();
    auto step = go(target(with({})));
    EXPECT_EQ(stages(step).front(), "a guarded") << kind;
    EXPECT_THAT(only(step, Stage::guarded).why, HasSubstr(std::string(kind) + " much"));
    EXPECT_EQ(only(step, Stage::guarded).sha256, sha256(text));
    allowed = {"manifests/b.yaml", "manifests/ot/"};
    EXPECT_EQ(stages(go(target(with({})))).front(), "a guarded");
    allowed = {"manifests/a.yaml"};
    EXPECT_EQ(stages(go(target(with({})))).front(), "a tombstone");
    allowed.clear();
  }
}

TEST_F(SuccessionTest, GuardsWhatAChangedManifestNoLongerHolds) {
  const std::string text = object("Namespace", "team") + map("x");
  go(target(with({file("a", text)})));
  deploy();
  const Target wanted = target(with({file("a", map("x"))}));
  auto step = go(wanted);
  EXPECT_EQ(stages(step).front(), "a guarded");
  EXPECT_EQ(only(step, Stage::guarded).sha256, sha256(text));
  mayPrune = true;
  step = go(wanted);
  EXPECT_EQ(stages(step).front(), "a wanted");
  EXPECT_EQ(step.target.files.front().sha256, sha256(map("x")));
}

TEST_F(SuccessionTest, AnObjectThatK3sIsToldToKeepNeedsNoGuard) {
  go(target(with({file("a",
                       "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: n\n  labels:\n"
                       "    objectset.rio.cattle.io/prune: \"false\"\n")})));
  deploy();
  EXPECT_EQ(stages(go(target(with({})))).front(), "a tombstone");
}

TEST_F(SuccessionTest, GuardsMoreThanTheHalf) {
  go(target(with({file("a", map("a")), file("b", map("b"))})));
  deploy();
  std::vector<FileTarget> two = {file("a", map("a")), file("b", map("b"))};
  EXPECT_THAT(stages(go(target(two))),
              ElementsAre("a wanted", "b wanted", "q1 guarded", "q2 guarded", "q3 guarded", "q4 guarded"));
  EXPECT_EQ(only(go(target(two)), Stage::guarded).why, "4 of 6 manifests would go");
  // Allowing one of them does not let the rest slip through.
  allowed = {"manifests/q1.yaml"};
  EXPECT_THAT(stages(go(target(two))),
              ElementsAre("a wanted", "b wanted", "q1 tombstone", "q2 guarded", "q3 guarded", "q4 guarded"));
  allowed.clear();
  EXPECT_THAT(stages(go(target({}))),
              ElementsAre("a guarded", "b guarded", "q1 tombstone", "q2 guarded", "q3 guarded", "q4 guarded"));
  mayPrune = true;
  EXPECT_THAT(stages(go(target({}))), ElementsAre("a tombstone", "b tombstone", "q1 tombstone", "q2 tombstone",
                                                  "q3 tombstone", "q4 tombstone"));
}

TEST_F(SuccessionTest, WhatMovesWaitsUntilItIsTakenOver) {
  const std::string text = object("Namespace", "team");
  go(target(with({file("a", text)})));
  deploy();
  const Target wanted = target(with({file("z", text)}));
  auto step = go(wanted);
  EXPECT_EQ(stages(step).front(), "a moving");
  EXPECT_EQ(stages(step).back(), "z wanted");
  ASSERT_EQ(step.awaited.size(), 1U);
  EXPECT_EQ(step.awaited.front().name, "team");
  deploy();
  EXPECT_EQ(stages(go(wanted)).front(), "a moving");  // deployed, and not known whose it is
  owns("Namespace", "team", "a");
  EXPECT_EQ(stages(go(wanted)).front(), "a moving");
  owns("Namespace", "team", "z");
  deployed.known = false;
  EXPECT_EQ(stages(go(wanted)).front(), "a moving");
  deployed.known = true;
  EXPECT_EQ(stages(go(wanted)).front(), "a tombstone");
}

TEST_F(SuccessionTest, AnObjectThatMovesBetweenFilesHoldsBackTheOldOne) {
  go(target(with({file("a", map("1") + map("2")), file("b", map("3"))})));
  deploy();
  const Target wanted = target(with({file("a", map("1")), file("b", map("3") + map("2"))}));
  auto step = go(wanted);
  EXPECT_EQ(stages(step).front(), "a moving");
  EXPECT_EQ(step.target.files.front().sha256, sha256(map("1") + map("2")));
  deploy();
  owns("ConfigMap", "2", "b");
  step = go(wanted);
  EXPECT_EQ(stages(step).front(), "a wanted");
  EXPECT_EQ(step.target.files.front().sha256, sha256(map("1")));
}

TEST_F(SuccessionTest, ARoundOfMovesIsNoLossOfMost) {
  std::vector<FileTarget> old, now;
  for (const char* name : {"a", "b", "c"}) {
    old.push_back(file(name, map(name)));
    now.push_back(file(std::string("new-") + name, map(name)));
  }
  go(target(old));
  deploy();
  EXPECT_THAT(stages(go(target(now))),
              ElementsAre("a moving", "b moving", "c moving", "new-a wanted", "new-b wanted", "new-c wanted"));
}

TEST_F(SuccessionTest, AnotherWriterHoldsWhatGitStillSays) {
  go(target(with({file("a", map("a"))})));
  deploy();
  for (const auto& one : before.files)
    if (one.file != "manifests/a.yaml") elsewhere.insert(one.path);
  EXPECT_THAT(stages(go(target({}))), ElementsAre("a tombstone"));
  elsewhere.insert(pathOf("a-1234.yaml"));
  EXPECT_THAT(stages(go(target({}))), ElementsAre("a tombstone"));  // who began it ends it
  deploy();
  EXPECT_THAT(go(target({})).target.files, IsEmpty());
}

TEST_F(SuccessionTest, WhatWasPlacedByHandMovesIntoGit) {
  const std::string path = host::parentPath(host::paths::k3sManifests) + "/mine.yaml";
  byHand = {{path, std::make_shared<const std::string>(map("x"))}};
  const Target wanted = target(with({file("a", map("x"))}));
  auto step = go(wanted);
  EXPECT_EQ(step.target.files.back().path, path);
  EXPECT_EQ(step.target.files.back().stage, Stage::moving);
  deploy();
  owns("ConfigMap", "x", "a");
  step = go(wanted);
  EXPECT_EQ(step.target.files.back().path, path);
  EXPECT_EQ(step.target.files.back().stage, Stage::tombstone);
  // With more in it than Git has, it stays with whoever placed it.
  before = {};
  byHand = {{path, std::make_shared<const std::string>(map("x") + map("else"))}};
  EXPECT_EQ(go(wanted).target.files.size(), 5U);
}

TEST_F(SuccessionTest, ObjectsArePutRightByAMark) {
  const Target wanted = target(with({file("a", map("a"))}));
  go(wanted);
  deploy();
  deployed.again = {{pathOf("a-1234.yaml"), "why"}};
  auto step = go(wanted);
  EXPECT_EQ(step.target.files.front().again, 1);
  EXPECT_THAT(*step.target.files.front().content, HasSubstr("objects put right 1 time.\n" + map("a")));
  deployed.again.clear();
  EXPECT_EQ(go(wanted).target.files.front().again, 1);  // as long as Git says the same
  deployed.again = {{pathOf("a-1234.yaml"), "why"}};
  step = go(wanted);
  EXPECT_EQ(step.target.files.front().again, 2);
  EXPECT_THAT(*step.target.files.front().content, HasSubstr("2 times.\n" + map("a")));
  deployed.again.clear();
  step = go(target(with({file("a", map("b"))})));
  EXPECT_EQ(step.target.files.front().again, 0);
  EXPECT_EQ(step.target.files.front().sha256, sha256(map("b")));
}

TEST(Marked, KeepsAByteOrderMarkFirst) {
  EXPECT_EQ(marked("a: 1\n", 0), "a: 1\n");
  const std::string text = marked("\xEF\xBB\xBF{}\n", 1);
  EXPECT_EQ(text.rfind("\xEF\xBB\xBF#", 0), 0U);
  EXPECT_EQ(text.find("\xEF\xBB\xBF", 1), std::string::npos);
}

TEST(AddonOf, IsTheNameUpToTheFirstDot) {
  EXPECT_EQ(addonOf("a/b/app.v1.yaml"), "app");
  EXPECT_EQ(addonOf("app"), "app");
}

TEST_F(SuccessionTest, GoingBackIsToWhatGitSaidThen) {
  go(target(with({file("a", map("a")), file("n", object("Namespace", "n"))})));
  deploy();
  go(target(with({})));
  const Target back = withoutTombstones(before);
  EXPECT_EQ(back.files.size(), 5U);  // without a; n was held
  for (const auto& one : back.files) EXPECT_EQ(one.stage, Stage::wanted);
}

}  // namespace
}  // namespace bedplate::plan
