// A mirror that somebody has been at: no crash and no hang; it is made anew, or the fetch is an error.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "tests/integration/git/fixture.h"
#include "tests/lib/memory_peak.h"
#include "tuning/host/sanitized.h"

namespace bedplate::gittest {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using ::testing::HasSubstr;

class GitBrokenMirror : public GitTest {
 protected:
  void SetUp() override {
    head = commit("a", "1");
    ASSERT_TRUE(fetched());
    remote.timeoutMs = 20000;
  }
  void TearDown() override {
    if (!host::kSanitized) {
      EXPECT_LT(testlib::MemoryPeak::kib(), 64u << 10);
    }
  }
  // The folder of packs, or the first file there that ends so.
  [[nodiscard]] std::string pack(const std::string& extension) const {
    for (const auto& entry : fs::directory_iterator(setup.mirror + "/objects/pack"))
      if (entry.path().extension() == extension) return entry.path();
    return {};
  }
  // Puts something else in the place of a file.
  static void replaceByFifo(const std::string& path) {
    fs::create_directories(fs::path(path).parent_path());
    fs::remove_all(path);
    ASSERT_EQ(::mkfifo(path.c_str(), 0666), 0) << path;
  }
  // It can be used, and holds what the remote does.
  void expectMended(const std::string& what) {
    const auto session = fetched();
    ASSERT_TRUE(session) << what;
    EXPECT_EQ(session->resolve("HEAD")->hex(), head) << what;
    const auto seen = snapshot(*session);
    ASSERT_TRUE(seen) << what << ": " << seen.error().text();
    EXPECT_EQ(seen->files.size(), 1u);
  }

  std::string head;
  testlib::MemoryPeak peak;
};

TEST_F(GitBrokenMirror, FifosForFiles) {
  for (const std::string name :
       {"HEAD", "config", "packed-refs", "refs/heads/main", "objects/info/commit-graph", "PACK", "IDX", ""}) {
    const std::string path = name == "PACK" ? pack(".pack") : name == "IDX" ? pack(".idx") : setup.mirror + "/" + name;
    ASSERT_NE(path, "") << name;
    replaceByFifo(name.empty() ? setup.mirror : path);
    expectMended(name);
  }
}

// What no look beforehand sees, as it is not in the mirror: the deadline ends it.
TEST_F(GitBrokenMirror, AFifoInTheRemoteCostsTheDeadline) {
  replaceByFifo(bare + "/refs/heads/main");
  remote.timeoutMs = 500;
  EXPECT_EQ(reason(), "Timeout") << text;
}

TEST_F(GitBrokenMirror, LinksForFiles) {
  fs::rename(setup.mirror + "/objects", at("elsewhere"));
  fs::create_directory_symlink(at("elsewhere"), setup.mirror + "/objects");
  expectMended("a link");
  EXPECT_FALSE(fs::is_symlink(setup.mirror + "/objects"));
}

TEST_F(GitBrokenMirror, AlternatesToOtherFolders) {
  // What only lies in the other folder is not found through the mirror.
  run({"git", "init", "-q", "--bare", at("other.git")});
  const auto secret = run({"git", "hash-object", "-w", "--stdin"}, "secret", at("other.git"));
  fs::create_directories(setup.mirror + "/objects/info");
  for (const std::string name : {"alternates", "http-alternates"}) {
    std::ofstream(setup.mirror + "/objects/info/" + name) << at("other.git/objects") << "\n";
    const auto session = fetched();
    ASSERT_TRUE(session);
    EXPECT_EQ(session->get(source::ObjectType::blob, {id(secret)}, 100).error().reason, "ObjectMissing") << name;
  }
  expectMended("alternates");
}

TEST_F(GitBrokenMirror, AConfigurationThatLeadsElsewhere) {
  run({"git", "init", "-q", "--bare", at("other.git")});
  const std::vector<std::string> more = {
      "[url \"file://" + at("other.git") + "\"]\n\tinsteadOf = file://" + bare + "\n",
      "[include]\n\tpath = " + at("other.git") + "/config\n",
      "[http]\n\tproxy = http://127.0.0.1:9\n",
  };
  for (const auto& section : more) {
    std::ofstream(setup.mirror + "/config", std::ios::app) << section;
    expectMended(section);
  }
}

TEST_F(GitBrokenMirror, PacksThatAreCutOff) {
  for (const auto keep : {0, 11, 30}) {
    const auto path = pack(".pack");
    fs::permissions(path, fs::perms::owner_all);
    fs::resize_file(path, static_cast<std::uintmax_t>(keep));
    // Reading it is an error, or a bus error of the worker; neither stays.
    auto session = start();
    for (int tries = 0; tries < 2 && session; ++tries) {
      if ((*session)->fetch() && snapshot(**session)) break;
      session = start();
    }
    expectMended(std::to_string(keep));
  }
}

TEST_F(GitBrokenMirror, ADeltaBomb) {
  if (host::kSanitized) GTEST_SKIP() << "SKIPPED: the worker's memory is not limited under a sanitizer";
  setup.memoryBytes = 512u << 20;
  const std::string content(100, 'a');
  head = commit("a", content);
  const auto blob = run({"git", "hash-object", "--stdin"}, content);
  ASSERT_TRUE(fetched());
  // All objects loose but this one, which is to be had through the bomb alone.
  for (std::string path = pack(".pack"); !path.empty(); path = pack(".pack")) {
    const std::string bytes = tree.read(path.substr(tree.path().size() + 1));
    fs::remove(path);
    fs::remove(fs::path(path).replace_extension(".idx"));
    git({"unpack-objects", "-q"}, bytes, setup.mirror);
  }
  fs::remove(setup.mirror + "/objects/" + blob.substr(0, 2) + "/" + blob.substr(2));
  ASSERT_EQ(run({"python3", BEDPLATE_DELTA_BOMB, setup.mirror, "600"}), blob);
  {
    const auto session = fetched();
    ASSERT_TRUE(session);
    const auto seen = snapshot(*session);
    ASSERT_FALSE(seen);
    EXPECT_THAT(seen.error().reason, AnyOf("ObjectMissing", "WorkerFailed")) << seen.error().text();
  }
  expectMended("the bomb");
}

TEST_F(GitBrokenMirror, ADeltaBombFromTheRemote) {
  if (host::kSanitized) GTEST_SKIP() << "SKIPPED: the worker's memory is not limited under a sanitizer";
  setup.memoryBytes = 512u << 20;
  const std::string content(100, 'a');
  const auto good = head;
  commit("a", content);
  const auto blob = run({"git", "hash-object", "--stdin"}, content);
  fs::remove(bare + "/objects/" + blob.substr(0, 2) + "/" + blob.substr(2));
  ASSERT_EQ(run({"python3", BEDPLATE_DELTA_BOMB, bare, "600"}), blob);
  EXPECT_THAT(reason(), AnyOf("RemoteUnreachable", "MirrorFailed", "WorkerFailed")) << text;
  // Not for want of the bomb's pieces: with the memory for it the same pack is taken.
  setup.memoryBytes = 8ull << 30;
  EXPECT_EQ(reason(), "") << text;
  // What was there before still is, and another head comes through.
  EXPECT_EQ(git({"cat-file", "-t", good}, {}, setup.mirror), "commit");
  for (const char* name : {"pack-bomb.pack", "pack-bomb.idx", "pack-bomb.rev"})
    fs::remove(bare + "/objects/pack/" + name);
  head = push(good);
  expectMended("the remote");
}

}  // namespace
}  // namespace bedplate::gittest
