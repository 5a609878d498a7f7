// The mirror: made, kept, rebuilt; broken ones.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/integration/git/fixture.h"

namespace bedplate::gittest {
namespace {

namespace fs = std::filesystem;

class GitMirror : public GitTest {
 protected:
  [[nodiscard]] std::vector<fs::path> packs() const {
    std::vector<fs::path> all;
    for (const auto& entry : fs::directory_iterator(setup.mirror + "/objects/pack"))
      if (entry.path().extension() == ".pack") all.push_back(entry.path());
    return all;
  }
  // Everything in the mirror's folder with its times: unchanged when nothing was written.
  [[nodiscard]] std::vector<std::string> listing() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(at("state/git"))) {
      const auto info =
          const_cast<testlib::TempTree&>(tree).files().info(entry.path().string().substr(tree.path().size() + 1));
      all.push_back(entry.path().string() + " " + std::to_string(info->modifiedNs) + " " + std::to_string(info->inode));
    }
    std::sort(all.begin(), all.end());
    return all;
  }
};

TEST_F(GitMirror, IsBareWithoutTagsAndHooks) {
  commit("a", "1");
  git({"tag", "v1"});
  git({"push", "-q", "origin", "v1"});
  ASSERT_TRUE(fetched());
  EXPECT_EQ(git({"for-each-ref", "--format=%(refname)"}, {}, setup.mirror), "refs/heads/main");
  EXPECT_EQ(git({"rev-parse", "--is-bare-repository"}, {}, setup.mirror), "true");
  git({"fsck", "--strict"}, {}, setup.mirror);
}

TEST_F(GitMirror, IsNotWrittenWhenNothingIsNew) {
  commit("a", "1");
  ASSERT_TRUE(fetched());
  const auto before = listing();
  ASSERT_TRUE(fetched());
  EXPECT_EQ(listing(), before);
}

TEST_F(GitMirror, IsRebuiltBesideItselfWhenItHoldsManyPacks) {
  for (int i = 0; i <= 50; ++i) {
    commit("a", std::to_string(i));
    ASSERT_TRUE(fetched());
  }
  EXPECT_EQ(packs().size(), 51u);
  const auto last = commit("a", "last");
  const auto session = fetched();
  ASSERT_TRUE(session);
  EXPECT_EQ(packs().size(), 1u);
  EXPECT_EQ(session->resolve("HEAD")->hex(), last);
  EXPECT_EQ(session->range(id(git({"rev-list", "--max-parents=0", "HEAD"})), id(last), limits)->size(), 51u);
  EXPECT_FALSE(fs::exists(setup.mirror + ".new"));
}

TEST_F(GitMirror, IsMadeAnewWhenItCannotBeOpened) {
  const auto head = commit("a", "1");
  ASSERT_TRUE(fetched());
  std::ofstream(setup.mirror + "/HEAD", std::ios::trunc) << "garbage";
  std::ofstream(setup.mirror + "/config", std::ios::trunc) << "[[[";
  ASSERT_TRUE(fetched());
  fs::remove_all(setup.mirror);
  std::ofstream(setup.mirror) << "a file";
  const auto session = fetched();
  ASSERT_TRUE(session);
  EXPECT_EQ(session->resolve("HEAD")->hex(), head);
}

TEST_F(GitMirror, IsRebuiltWhenTheObjectsItHasAreBroken) {
  commit("a", "1");
  ASSERT_TRUE(fetched());
  // The next fetch negotiates from what is here, and cannot read it.
  for (const auto& pack : packs()) {
    fs::permissions(pack, fs::perms::owner_all);
    std::fstream file(pack, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(12);
    file << std::string(40, '\xff');
  }
  const auto head = commit("a", "2");
  // At once, or by the session after the one that found it.
  std::string found = reason();
  if (!found.empty()) found = reason();
  EXPECT_EQ(found, "") << text;
  const auto session = fetched();
  ASSERT_TRUE(session);
  EXPECT_EQ(session->resolve("HEAD")->hex(), head);
  EXPECT_TRUE(snapshot(*session));
}

TEST_F(GitMirror, IsSetAsideWhenAPackIsCutOff) {
  commit("a", std::string(100000, 'x'));
  ASSERT_TRUE(fetched());
  for (const auto& pack : packs()) {
    fs::permissions(pack, fs::perms::owner_all);
    fs::resize_file(pack, 0);
  }
  auto session = start();
  // Reading it may be an error or a bus error; neither may be the end of the agent, nor stay.
  for (int tries = 0; tries < 2 && session; ++tries) {
    if ((*session)->fetch() && snapshot(**session)) break;
    session = start();
  }
  const auto again = fetched();
  ASSERT_TRUE(again);
  EXPECT_TRUE(snapshot(*again));
}

TEST_F(GitMirror, IsMendedWhenABlobIsLost) {
  commit("a", "1");
  ASSERT_TRUE(fetched());
  for (const auto& pack : packs()) {
    const auto index = fs::path(pack).replace_extension(".idx");
    fs::remove(pack);
    fs::remove(index);
  }
  // Only the commit is left: the mirror looks whole to a look at the head.
  const auto raw = git({"cat-file", "commit", "HEAD"}) + "\n";
  git({"hash-object", "-t", "commit", "-w", "--stdin"}, raw, setup.mirror);
  {
    const auto session = fetched();
    ASSERT_TRUE(session);
    EXPECT_EQ(snapshot(*session).error().reason, "ObjectMissing");
  }
  const auto session = fetched();
  ASSERT_TRUE(session);
  EXPECT_TRUE(snapshot(*session));
}

TEST_F(GitMirror, TwoWorkersDoNotMeet) {
  for (int round = 0; round < 3; ++round) {
    commit("a", std::to_string(round));
    std::vector<std::string> reasons(4);
    std::vector<std::thread> threads;
    for (auto& one : reasons)
      threads.emplace_back([&] {
        const auto session = start();
        const auto done = session ? (*session)->fetch() : host::Status(host::Failure(session.error()));
        one = done ? "fine" : done.error().text();
      });
    for (auto& thread : threads) thread.join();
    EXPECT_THAT(reasons, ::testing::Each("fine"));
  }
  git({"fsck", "--strict"}, {}, setup.mirror);
}

TEST_F(GitMirror, SaysWhenItCannotBeWritten) {
  commit("a", "1");
  setup.mirror = at("no-such-folder/mirror.git");
  EXPECT_EQ(reason(), "MirrorFailed");
  EXPECT_THAT(text, ::testing::HasSubstr(setup.mirror));
}

TEST_F(GitMirror, SaysWhenWhatIsFetchedIsTooLarge) {
  std::string noise;
  for (unsigned value = 1; noise.size() < (1u << 20); value = value * 1664525u + 1013904223u)
    noise.push_back(static_cast<char>(value >> 24));
  commit("big", noise);
  setup.fileBytes = 256 << 10;
  const auto found = reason();
  EXPECT_THAT(found, ::testing::AnyOf("MirrorFailed", "RemoteUnreachable")) << text;
  setup.fileBytes = 1 << 30;
  EXPECT_EQ(reason(), "") << text;
}

}  // namespace
}  // namespace bedplate::gittest
