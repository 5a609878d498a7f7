#include "agent/daemon/path_watch.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/lib/temp_tree.h"

namespace bedplate::daemon {
namespace {

class PathWatchTest : public testing::Test {
 protected:
  PathWatchTest() : watch(PathWatch::open(tree.files()).value()) {}

  // inotify queues an event before the call that caused it returns: there is nothing to wait for.
  bool happened() { return watch.drain(); }
  void move(const std::string& from, const std::string& to) {
    std::filesystem::rename(tree.path() + "/" + from, tree.path() + "/" + to);
  }

  testlib::TempTree tree;
  PathWatch watch;
};

TEST_F(PathWatchTest, SeesWhatHappensToAWatchedFile) {
  tree.write("m/bedplate/a.yaml", "1");
  watch.watch({"m/bedplate/a.yaml"});
  EXPECT_FALSE(happened());
  tree.write("m/bedplate/a.yaml", "2");
  EXPECT_TRUE(happened());
  EXPECT_FALSE(happened());
  ASSERT_EQ(::chmod((tree.path() + "/m/bedplate/a.yaml").c_str(), 0600), 0);
  EXPECT_TRUE(happened());
  tree.write("m/bedplate/b.yaml", "not ours");
  EXPECT_FALSE(happened());
  move("m/bedplate/b.yaml", "m/bedplate/a.yaml");
  EXPECT_TRUE(happened());
  tree.remove("m/bedplate/a.yaml");
  EXPECT_TRUE(happened());
  tree.write("m/bedplate/a.yaml", "back");
  EXPECT_TRUE(happened());
}

TEST_F(PathWatchTest, NamesWhatHappenedToWhat) {
  tree.write("m/bedplate/a.yaml", "1");
  tree.write("m/bedplate/b.yaml", "1");
  watch.watch({"m/bedplate/a.yaml", "m/bedplate/b.yaml"});
  std::set<std::string> named;
  const auto name = [&](const std::string& path) { named.insert(path); };
  tree.write("m/bedplate/a.yaml", "2");
  tree.write("m/bedplate/c.yaml", "not ours");
  EXPECT_TRUE(watch.drain(name));
  EXPECT_EQ(named, std::set<std::string>{"m/bedplate/a.yaml"});
  named.clear();
  tree.remove("m");
  EXPECT_TRUE(watch.drain(name));
  EXPECT_TRUE(named.contains("")) << "a directory went: anything may be another one now";
}

TEST_F(PathWatchTest, SeesADirectoryVanishAndComeBack) {
  tree.write("m/bedplate/a.yaml", "1");
  watch.watch({"m/bedplate/a.yaml"});
  tree.remove("m/bedplate");
  EXPECT_TRUE(happened());
  EXPECT_FALSE(happened());
  tree.write("m/bedplate/other", "x");
  EXPECT_TRUE(happened());  // the directory is there again
  tree.write("m/bedplate/a.yaml", "1");
  EXPECT_TRUE(happened());
  tree.write("m/bedplate/other", "y");
  EXPECT_FALSE(happened());
}

TEST_F(PathWatchTest, SeesAnAncestorBeingMovedAway) {
  tree.write("var/lib/k3s/m/a.yaml", "1");
  watch.watch({"var/lib/k3s/m/a.yaml"});
  move("var/lib/k3s", "var/lib/k3s.old");
  EXPECT_TRUE(happened());
  tree.write("var/lib/k3s.old/m/a.yaml", "not ours any more");
  EXPECT_FALSE(happened());
  tree.write("var/lib/k3s/m/a.yaml", "1");
  EXPECT_TRUE(happened());
  tree.write("var/lib/k3s/m/a.yaml", "2");
  EXPECT_TRUE(happened());
}

TEST_F(PathWatchTest, WatchesWhatDoesNotExistYet) {
  watch.watch({"a/b/c/file"});
  std::filesystem::create_directories(tree.path() + "/a/x");
  EXPECT_TRUE(happened());  // "a"
  std::filesystem::create_directories(tree.path() + "/a/y");
  EXPECT_FALSE(happened());
  tree.write("a/b/c/file", "1");
  EXPECT_TRUE(happened());
  tree.write("a/b/c/file", "2");
  EXPECT_TRUE(happened());
}

TEST_F(PathWatchTest, AWatchedDirectoryIsAboutEveryEntry) {
  watch.watch({}, {"etc/bedplate", "etc/bedplate/bedplate.conf.d"});
  tree.write("etc/other", "x");
  static_cast<void>(happened());  // "etc" was made
  tree.write("etc/bedplate/key", "x");
  EXPECT_TRUE(happened());
  tree.write("etc/bedplate/bedplate.conf.d/10.conf", "x");
  EXPECT_TRUE(happened());
  tree.write("etc/bedplate/bedplate.conf.d/10.conf", "y");
  EXPECT_TRUE(happened());
  tree.write("etc/other", "y");
  EXPECT_FALSE(happened());
}

TEST_F(PathWatchTest, ForgetsWhatIsNoLongerWatched) {
  tree.write("a/file", "1");
  tree.write("b/file", "1");
  watch.watch({"a/file"});
  watch.watch({"b/file"});
  tree.write("a/file", "2");
  EXPECT_FALSE(happened());
  tree.write("b/file", "2");
  EXPECT_TRUE(happened());
  watch.watch({});
  tree.write("b/file", "3");
  EXPECT_FALSE(happened());
}

TEST_F(PathWatchTest, FollowsALinkedDirectoryInsideTheRoot) {
  tree.write("real/file", "1");
  ASSERT_EQ(::symlink("/real", (tree.path() + "/link").c_str()), 0);
  watch.watch({"link/file"});
  tree.write("real/file", "2");
  EXPECT_TRUE(happened());
}

TEST_F(PathWatchTest, ItsDescriptorWakesALoop) {
  tree.write("file", "1");
  watch.watch({"file"});
  pollfd waiting{watch.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&waiting, 1, 0), 0);
  tree.write("file", "2");
  EXPECT_EQ(::poll(&waiting, 1, 0), 1);
}

TEST_F(PathWatchTest, AnOverflowIsAChange) {
  tree.write("file", "1");
  watch.watch({"file"});
  int limit = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> limit;
  ASSERT_GT(limit, 0);
  if (limit > 100'000) GTEST_SKIP() << "max_queued_events is " << limit;
  // Events of a file that does not matter fill the queue; equal neighbours would be merged.
  for (int i = 0; i <= limit / 2; ++i) {
    tree.write("other", "1");
    tree.remove("other");
  }
  bool anything = false;
  EXPECT_TRUE(watch.drain([&](const std::string& path) { anything = anything || path.empty(); }));
  EXPECT_TRUE(anything);
}

}  // namespace
}  // namespace bedplate::daemon
