// Commits that must not reach a node: each is refused with its path, and the rest of the directory is still read.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/integration/git/fixture.h"

namespace bedplate::gittest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class GitHostile : public GitTest {
 protected:
  // What is refused in a commit of this tree; the files that are left are in `files`.
  std::vector<std::string> refused(const std::string& treeId) {
    commitTree(treeId);
    const auto session = fetched();
    if (!session) return {"no session"};
    const auto seen = snapshot(*session);
    if (!seen) return {seen.error().reason + " " + seen.error().text()};
    files.clear();
    for (const auto& file : seen->files) files.push_back(file.path);
    std::vector<std::string> all;
    for (const auto& refusal : refusals) all.push_back(refusal.path + ": " + refusal.why);
    return all;
  }
  // A tree as nobody would make it by `git add`.
  std::string literalTree(const std::vector<std::pair<std::string, std::string>>& entries) {
    std::string raw;
    for (const auto& [name, object] : entries) raw += name + std::string(1, '\0') + std::string(id(object).bytes());
    return git({"hash-object", "-t", "tree", "--literally", "-w", "--stdin"}, raw);
  }
  std::string blob(const std::string& content) { return git({"hash-object", "-w", "--stdin"}, content); }

  std::vector<std::string> files;
};

TEST_F(GitHostile, RefusesLinksAndSubmodules) {
  tree.write("work/ok", "1");
  std::filesystem::create_symlink("/etc/passwd", work + "/link");
  git({"add", "-A"});
  git({"update-index", "--add", "--cacheinfo", "160000," + std::string(40, 'a') + ",module"});
  EXPECT_THAT(refused(git({"write-tree"})),
              ElementsAre(HasSubstr("link: it is a symbolic link"), HasSubstr("module: it is a submodule")));
  EXPECT_THAT(files, ElementsAre("ok"));
}

TEST_F(GitHostile, RefusesNames) {
  const auto file = blob("x");
  EXPECT_THAT(refused(git({"mktree", "-z"}, "100644 blob " + file + "\tnew\nline" + std::string(1, '\0') +
                                                "100644 blob " + file + "\tok" + std::string(1, '\0'))),
              ElementsAre(HasSubstr("new\\nline: its name")));
  EXPECT_THAT(files, ElementsAre("ok"));
}

TEST_F(GitHostile, RefusesTreesThatLeadOutside) {
  const auto file = blob("x");
  git({"config", "receive.fsckObjects", "false"}, {}, bare);
  for (const std::string name : {"..", ".", ".GIT", ".git", ".gIt", "a/b", "/etc/passwd"}) {
    const auto evil = literalTree({{"100644 " + name, file}});
    const auto root = literalTree({{"40000 evil", evil}, {"100644 ok", file}});
    const auto found = refused(root);
    ASSERT_EQ(found.size(), 1u) << name;
    EXPECT_THAT(found[0], HasSubstr("evil: it has an entry named '" + name)) << name;
    EXPECT_THAT(files, ElementsAre("ok")) << name;
  }
}

// Names that another file system takes for .git: cut short, or with what it passes over.
TEST_F(GitHostile, RefusesNamesThatAreDotGitElsewhere) {
  git({"config", "receive.fsckObjects", "false"}, {}, bare);
  const auto file = blob("x");
  for (const std::string name : {"git~1", ".git ", ".g\xe2\x80\x8cit", ".git:x", ".git\\x"}) {
    const auto root = literalTree({{"100644 " + name, file}, {"100644 ok", file}});
    EXPECT_THAT(refused(root), ElementsAre(HasSubstr("its name"))) << name;
    EXPECT_THAT(files, ElementsAre("ok")) << name;
  }
}

TEST_F(GitHostile, RefusesALargeFileAndReadsTheRest) {
  tree.write("work/big", std::string(2 << 20, 'x'));
  tree.write("work/edge", std::string(1 << 20, 'x'));
  tree.write("work/ok", "1");
  git({"add", "-A"});
  EXPECT_THAT(refused(git({"write-tree"})), ElementsAre("big: it is larger than 1 MiB"));
  EXPECT_THAT(files, ElementsAre("edge", "ok"));
}

TEST_F(GitHostile, RefusesACrowdedDirectoryAndReadsTheRest) {
  const auto file = blob("x");
  std::string listing;
  for (int i = 0; i < 20000; ++i) listing += "100644 blob " + file + "\tf" + std::to_string(100000 + i) + "\n";
  const auto crowd = git({"mktree"}, listing);
  const auto root = git({"mktree"}, "040000 tree " + crowd + "\tcrowd\n100644 blob " + file + "\tok\n");
  EXPECT_THAT(refused(root), ElementsAre("crowd: it has more than 10000 entries"));
  EXPECT_THAT(files, ElementsAre("ok"));
}

TEST_F(GitHostile, ReadsManyFilesAtOnce) {
  for (int i = 0; i < 1000; ++i)
    tree.write("work/manifests/m" + std::to_string(i % 10) + "/f" + std::to_string(i), std::to_string(i));
  git({"add", "-A"});
  EXPECT_TRUE(refused(git({"write-tree"})).empty());
  EXPECT_EQ(files.size(), 1000u);
}

}  // namespace
}  // namespace bedplate::gittest
