#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/lib/temp_tree.h"
#include "tests/unit/source/fake_objects.h"

namespace bedplate::source {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint32_t kFile = 0100644;
constexpr std::uint32_t kDirectory = 0040000;

class ReadSnapshot : public ::testing::Test {
 protected:
  host::Result<Snapshot> read(const ObjectId& root, const std::string& path = "") {
    return readSnapshot(objects, objects.commit(root), path, limits, cache, refusals);
  }
  std::vector<std::string> refused() {
    std::vector<std::string> all;
    for (const auto& refusal : refusals) all.push_back(refusal.path + ": " + refusal.why);
    return all;
  }

  FakeObjects objects;
  Limits limits;
  BlobCache cache;
  std::vector<Refusal> refusals;
};

std::vector<std::string> pathsOf(const Snapshot& snapshot) {
  std::vector<std::string> paths;
  for (const auto& file : snapshot.files) paths.push_back(file.path);
  return paths;
}

TEST_F(ReadSnapshot, ReadsTheDirectoryAndNothingBesideIt) {
  const auto sysctl = objects.tree({{kFile, "99-k8s.conf", objects.blob("a=1\n")}});
  const auto node = objects.tree({{kFile, "node.yaml", objects.blob("x")}, {kDirectory, "sysctl.d", sysctl}});
  const auto oslo = objects.tree({{kDirectory, "node", node}});
  const auto root = objects.tree({{kFile, "README.md", objects.blob("not read")}, {kDirectory, "oslo", oslo}});
  for (const std::string path : {"oslo/node", "./oslo//node/"}) {
    const auto snapshot = read(root, path);
    ASSERT_TRUE(snapshot) << snapshot.error().text();
    EXPECT_EQ(snapshot->tree, node);
    EXPECT_THAT(pathsOf(*snapshot), ElementsAre("node.yaml", "sysctl.d/99-k8s.conf"));
    EXPECT_EQ(*snapshot->files[1].content, "a=1\n");
    EXPECT_TRUE(refusals.empty());
  }
  EXPECT_EQ(read(root, ".")->files.size(), 3u);
}

TEST_F(ReadSnapshot, SaysWhyThePathIsNoDirectory) {
  const auto root = objects.tree({{kFile, "file", objects.blob("x")}, {0120000, "link", objects.blob("file")}});
  EXPECT_EQ(read(root, "nothing").error().reason, "PathNotFound");
  EXPECT_EQ(read(root, "../x").error().reason, "PathNotFound");
  EXPECT_EQ(read(root, "file").error().reason, "PathNotDirectory");
  EXPECT_EQ(read(root, "file/below").error().reason, "PathNotDirectory");
  EXPECT_THAT(read(root, "link").error().text(), HasSubstr("symbolic link"));
}

TEST_F(ReadSnapshot, CollectsEveryRefusalWithItsPath) {
  limits.fileBytes = 4;
  const auto deep = objects.tree({{0160000, "sub", objects.blob("y")}, {kFile, "too-big", objects.blob("12345")}});
  const auto evil = objects.tree({{kFile, "..", objects.blob("y")}});
  const auto git = objects.tree({{kDirectory, ".GIT", deep}});
  const auto root = objects.tree({{kFile, "a\nb", objects.blob("y")},
                                  {kDirectory, "deep", deep},
                                  {kDirectory, "evil", evil},
                                  {kDirectory, "git", git},
                                  {0120000, "link", objects.blob("y")},
                                  {kFile, "ok", objects.blob("1234")},
                                  {kFile, "sp ace", objects.blob("y")}});
  const auto snapshot = read(root);
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  EXPECT_THAT(pathsOf(*snapshot), ElementsAre("ok"));
  EXPECT_THAT(refused(), ElementsAre(HasSubstr("a\\nb: its name"), HasSubstr("deep/sub: it is a submodule"),
                                     HasSubstr("deep/too-big: it is larger than 4 bytes"),
                                     HasSubstr("evil: it has an entry"), HasSubstr("git: it has an entry"),
                                     HasSubstr("link: it is a symbolic link"), HasSubstr("sp ace: its name")));
}

TEST_F(ReadSnapshot, RefusesACrowdedDirectoryAndReadsTheOthers) {
  limits.entriesPerDirectory = 3;
  const auto id = objects.blob("y");
  const auto crowd = objects.tree({{kFile, "1", id}, {kFile, "2", id}, {kFile, "3", id}, {kFile, "4", id}});
  const auto root = objects.tree({{kDirectory, "crowd", crowd}, {kFile, "ok", id}});
  const auto snapshot = read(root);
  ASSERT_TRUE(snapshot);
  EXPECT_THAT(pathsOf(*snapshot), ElementsAre("ok"));
  EXPECT_THAT(refused(), ElementsAre("crowd: it has more than 3 entries"));
}

TEST_F(ReadSnapshot, EndsAtTheTotals) {
  limits.totalBytes = 5;
  const auto root = objects.tree({{kFile, "1", objects.blob("abc")}, {kFile, "2", objects.blob("abd")}});
  ASSERT_TRUE(read(root));
  EXPECT_THAT(refused(), ElementsAre(HasSubstr("2: with it there are more than 5 bytes")));
  refusals.clear();
  limits.totalFiles = 1;
  ASSERT_TRUE(read(root));
  EXPECT_THAT(refused(), ElementsAre(HasSubstr("2: with it there are more than 1 files")));
}

TEST_F(ReadSnapshot, EndsInATreeThatIsItsOwnForest) {
  // 10 names a level, 17 levels: 10^17 directories from 17 objects.
  auto tree = objects.tree({{kFile, "leaf", objects.blob("y")}});
  for (int level = 0; level < 17; ++level) {
    std::vector<TreeEntry> entries;
    for (char name = '0'; name <= '9'; ++name) entries.push_back({kDirectory, std::string(1, name), tree});
    tree = objects.tree(entries);
  }
  ASSERT_TRUE(read(tree));
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_THAT(refusals[0].why, HasSubstr("20000 files and directories"));
}

TEST_F(ReadSnapshot, RefusesWhatIsTooDeep) {
  limits.depth = 2;
  const auto four = objects.tree({{kFile, "f", objects.blob("y")}});
  const auto three = objects.tree({{kDirectory, "d", four}});
  const auto two = objects.tree({{kDirectory, "c", three}});
  const auto root = objects.tree({{kDirectory, "b", two}, {kFile, "ok", objects.blob("y")}});
  ASSERT_TRUE(read(root));
  EXPECT_THAT(refused(), ElementsAre("b/c/d: it is deeper than 2 directories"));
}

TEST_F(ReadSnapshot, AsksForNoBlobThatIsKnownAndForNoneTwice) {
  const auto known = objects.blob("known");
  const auto fresh = objects.blob("fresh");
  cache[known] = std::make_shared<const std::string>("known");
  const auto root = objects.tree({{kFile, "1", known}, {kFile, "2", fresh}, {kFile, "3", fresh}});
  const auto snapshot = read(root);
  ASSERT_TRUE(snapshot);
  EXPECT_THAT(objects.asked, ElementsAre(root, fresh));
  EXPECT_EQ(snapshot->files[0].content, cache[known]);
  EXPECT_EQ(snapshot->files[1].content, snapshot->files[2].content);
}

TEST_F(ReadSnapshot, AsksOnceALevel) {
  std::vector<TreeEntry> entries;
  for (int i = 10; i < 60; ++i) {
    const auto name = std::to_string(i);
    entries.push_back({kDirectory, name, objects.tree({{kFile, "f", objects.blob(name)}})});
  }
  ASSERT_TRUE(read(objects.tree(entries)));
  EXPECT_EQ(objects.requests, 3u);  // the root, all directories, all blobs
}

TEST_F(ReadSnapshot, FailsWhenAnObjectIsWithheld) {
  const auto file = objects.blob("x");
  const auto root = objects.tree({{kFile, "f", file}});
  objects.forget(file);
  EXPECT_EQ(read(root).error().reason, "ObjectMissing");
}

class ReadDirectory : public ::testing::Test {
 protected:
  host::Result<Snapshot> read() { return readDirectory(tree.files(), "node", limits, refusals); }
  std::string at(const std::string& path) { return tree.path() + "/node/" + path; }

  testlib::TempTree tree;
  Limits limits;
  std::vector<Refusal> refusals;
};

TEST_F(ReadDirectory, GivesWhatGitWouldGive) {
  tree.write("node/node.yaml", "x");
  tree.write("node/sysctl.d/99-k8s.conf", "a=1\n");
  tree.write("node/.git/config", "not read");
  std::filesystem::create_directories(at("empty"));
  const auto snapshot = read();
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  FakeObjects objects;
  const auto sysctl = objects.tree({{kFile, "99-k8s.conf", objects.blob("a=1\n")}});
  EXPECT_EQ(snapshot->tree, objects.tree({{kFile, "node.yaml", objects.blob("x")}, {kDirectory, "sysctl.d", sysctl}}));
  EXPECT_THAT(pathsOf(*snapshot), ElementsAre("node.yaml", "sysctl.d/99-k8s.conf"));
  EXPECT_EQ(snapshot->files[0].id, objects.blob("x"));
}

TEST_F(ReadDirectory, RefusesLinksDevicesNamesAndSizes) {
  limits.fileBytes = 4;
  limits.entriesPerDirectory = 6;
  tree.write("node/big", "12345");
  tree.write("node/sp ace", "x");
  tree.write("node/ok", "1234");
  for (const char* name : {"1", "2", "3", "4", "5", "6", "7"}) tree.write(std::string("node/crowd/") + name, "x");
  std::filesystem::create_symlink("ok", at("link"));
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  const auto snapshot = read();
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  EXPECT_THAT(pathsOf(*snapshot), ElementsAre("ok"));
  std::vector<std::string> paths;
  for (const auto& refusal : refusals) paths.push_back(refusal.path);
  EXPECT_THAT(paths, ElementsAre("big", "crowd", "link", "pipe", "sp ace"));
}

TEST_F(ReadDirectory, SaysWhyThereIsNone) {
  EXPECT_EQ(read().error().reason, "PathNotFound");
  tree.write("node", "a file");
  EXPECT_EQ(read().error().reason, "PathNotDirectory");
}

}  // namespace
}  // namespace bedplate::source
