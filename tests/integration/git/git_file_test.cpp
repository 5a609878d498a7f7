// file://: the whole way from a push to a snapshot, and what stands in it.
#include <gmock/gmock.h>

#include "agent/trust/trust.h"
#include "tests/integration/git/fixture.h"

namespace bedplate::gittest {
namespace {

using ::testing::HasSubstr;

class GitFile : public GitTest {};

TEST_F(GitFile, BringsAPushedCommit) {
  const auto first = commit("clusters/oslo/node/sysctl.d/99-k8s.conf", "net.ipv4.ip_forward = 1\n", "raise conntrack");
  const auto session = fetched();
  ASSERT_TRUE(session);
  EXPECT_EQ(session->head().hex(), first);
  const auto seen = snapshot(*session, "clusters/oslo/node");
  ASSERT_TRUE(seen) << seen.error().text();
  EXPECT_TRUE(refusals.empty());
  ASSERT_EQ(seen->files.size(), 1u);
  EXPECT_EQ(seen->files[0].path, "sysctl.d/99-k8s.conf");
  EXPECT_EQ(*seen->files[0].content, "net.ipv4.ip_forward = 1\n");
  EXPECT_EQ(seen->commit.subject, "raise conntrack");
  EXPECT_EQ(seen->commit.author, "Ada <ada@example.org>");
  EXPECT_EQ(seen->tree.hex(), git({"rev-parse", "HEAD:clusters/oslo/node"}));
}

TEST_F(GitFile, ReadsTheSameFromDisk) {
  commit("node/sysctl.d/a.conf", "x = 1\n");
  git({"update-index", "--chmod=+x", "node/sysctl.d/a.conf"});
  ASSERT_EQ(::chmod(at("work/node/sysctl.d/a.conf").c_str(), 0755), 0);
  commit("node/sysctl.d-b", "sorts before the directory's slash");
  const auto session = fetched();
  ASSERT_TRUE(session);
  const auto fromGit = snapshot(*session, "node");
  const auto fromDisk = source::readDirectory(tree.files(), "work/node", limits, refusals);
  ASSERT_TRUE(fromGit && fromDisk);
  EXPECT_EQ(fromGit->tree, fromDisk->tree);
}

TEST_F(GitFile, FollowsTheBranchAndListsWhatIsNew) {
  const auto first = commit("a", "1");
  ASSERT_TRUE(fetched());
  const auto second = commit("a", "2");
  git({"checkout", "-q", "-b", "side", first});
  tree.write("work/b", "1");
  git({"add", "-A"});
  git({"commit", "-q", "-m", "side"});
  const auto side = git({"rev-parse", "HEAD"});
  git({"checkout", "-q", "main"});
  git({"merge", "-q", "--no-ff", "-m", "merge", "side"});
  const auto merge = push(git({"rev-parse", "HEAD"}));
  const auto session = fetched();
  ASSERT_TRUE(session);
  const auto commits = session->range(id(second), id(merge), limits);
  ASSERT_TRUE(commits) << commits.error().text();
  ASSERT_EQ(commits->size(), 2u);
  EXPECT_EQ((*commits)[0].id.hex(), side);
  EXPECT_EQ((*commits)[1].id.hex(), merge);
  EXPECT_EQ(session->range(id(first), id(merge), limits)->size(), 3u);
  EXPECT_EQ(session->range({}, id(merge), limits)->size(), 1u);
  EXPECT_TRUE(session->range(id(merge), id(merge), limits)->empty());
  limits.newCommits = 2;
  EXPECT_EQ(session->range(id(first), id(merge), limits).error().reason, "TooManyCommits");
}

TEST_F(GitFile, RefusesARewrittenAndARolledBackBranch) {
  const auto first = commit("a", "1");
  const auto second = commit("a", "2");
  ASSERT_TRUE(fetched());
  const trust::Accepted accepted{id(second), "agent", 1};
  git({"reset", "-q", "--hard", first});
  const auto other = commit("a", "3");
  for (const auto& head : {other, push(first)}) {
    push(head);
    const auto session = fetched();
    ASSERT_TRUE(session);
    EXPECT_EQ(session->head().hex(), head);
    const auto commits = trust::newCommits(*session, session->head(), accepted, {}, limits);
    ASSERT_FALSE(commits);
    EXPECT_EQ(commits.error().reason, "NotDescendant");
    EXPECT_THAT(commits.error().text(), HasSubstr("bedplate trust accept " + head));
    EXPECT_THAT(commits.error().text(), HasSubstr(second));
  }
}

TEST_F(GitFile, RefusesAFloorThatIsNotThere) {
  const auto head = commit("a", "1");
  const auto session = fetched();
  ASSERT_TRUE(session);
  EXPECT_EQ(session->range(id(std::string(40, 'a')), id(head), limits).error().reason, "NotDescendant");
}

TEST_F(GitFile, ResolvesRevisions) {
  const auto first = commit("a", "1");
  const auto second = commit("a", "2");
  const auto session = fetched();
  ASSERT_TRUE(session);
  for (const std::string revision : {"HEAD", "main", "refs/heads/main"})
    EXPECT_EQ(session->resolve(revision)->hex(), second) << revision;
  EXPECT_EQ(session->resolve("HEAD~1")->hex(), first);
  EXPECT_EQ(session->resolve("main^")->hex(), first);
  EXPECT_EQ(session->resolve(first.substr(0, 10))->hex(), first);
  for (const std::string revision : {"HEAD~5", "nothing", "", "-x", "HEAD:a", "HEAD^{/x}", ":/x", "a b"}) {
    const auto resolved = session->resolve(revision);
    ASSERT_FALSE(resolved) << revision;
    EXPECT_EQ(resolved.error().reason, "ObjectMissing") << revision;
  }
}

TEST_F(GitFile, TellsWhatIsMissing) {
  EXPECT_EQ(reason(), "BranchNotFound");
  EXPECT_THAT(text, HasSubstr("no commits"));
  commit("dir/a", "1");
  remote.branch = "production";
  EXPECT_EQ(reason(), "BranchNotFound");
  EXPECT_THAT(text, HasSubstr("'production'"));
  remote.branch = "no..branch";
  EXPECT_EQ(reason(), "BranchNotFound");
  remote.branch = "main";
  const auto session = fetched();
  ASSERT_TRUE(session);
  EXPECT_EQ(snapshot(*session, "clusters").error().reason, "PathNotFound");
  EXPECT_EQ(snapshot(*session, "dir/a").error().reason, "PathNotDirectory");
}

TEST_F(GitFile, TellsThatThereIsNoRepository) {
  remote.url = "file://" + at("nowhere.git");
  EXPECT_EQ(reason(), "RemoteUnreachable");
  EXPECT_THAT(text, HasSubstr("nowhere.git"));
  tree.write("a-file", "x");
  remote.url = "file://" + at("a-file");
  EXPECT_EQ(reason(), "RemoteUnreachable");
  remote.url = "http://127.0.0.1/x.git";
  EXPECT_EQ(reason(), "UrlRefused");
}

TEST_F(GitFile, IgnoresTheConfigurationOfUserAndRepository) {
  commit("a", "1");
  // With either of these taken, the URL would lead elsewhere.
  tree.write("state/git/.gitconfig", "[url \"file:///nowhere/\"]\n\tinsteadOf = file://\n");
  tree.write("home/.gitconfig", "[url \"file:///nowhere/\"]\n\tinsteadOf = file://\n");
  EXPECT_EQ(reason(), "");
}

TEST_F(GitFile, GivesTheHeadThatWasLookedAtWhenTheBranchMoves) {
  const auto first = commit("a", "1");
  auto session = start();
  ASSERT_TRUE(session);
  const auto second = commit("a", "2");
  EXPECT_EQ((*session)->head().hex(), first);
  const auto done = (*session)->fetch();
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ((*session)->resolve("main")->hex(), first);
  EXPECT_TRUE(source::readCommit(**session, id(first)));
  session->reset();
  EXPECT_EQ(fetched()->resolve("main")->hex(), second);
}

TEST_F(GitFile, FollowsAnotherBranchInTheSameMirror) {
  commit("a", "1");
  ASSERT_TRUE(fetched());
  git({"checkout", "-q", "-b", "next"});
  tree.write("work/a", "2");
  git({"commit", "-q", "-am", "next"});
  git({"push", "-q", "origin", "next"});
  remote.branch = "next";
  const auto session = fetched();
  ASSERT_TRUE(session);
  EXPECT_EQ(session->resolve("HEAD")->hex(), git({"rev-parse", "next"}));
}

}  // namespace
}  // namespace bedplate::gittest
