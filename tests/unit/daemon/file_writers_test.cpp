#include "agent/daemon/file_writers.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/lib/netns.h"
#include "tests/lib/temp_tree.h"

namespace bedplate::daemon {
namespace {

using Seen = std::vector<std::pair<std::string, pid_t>>;

class FileWritersTest : public testing::Test {
 protected:
  void SetUp() override {
    tree_.write("etc/a", "1");
    tree_.write("etc/other", "1");
    auto opened = FileWriters::open(tree_.files());
    if (!opened) GTEST_SKIP() << "SKIPPED: " << opened.error().text();
    writers_.emplace(std::move(*opened));
    writers_->watch({"etc/a", "etc/b", "var/none"});
    if (writers_->missed() > 0) GTEST_SKIP() << "SKIPPED: this file system gives no handles to fanotify";
  }
  Seen wait(int ms = 2000) {
    Seen seen;
    pollfd ready{writers_->fd(), POLLIN, 0};
    if (::poll(&ready, 1, ms) > 0)
      writers_->drain([&](const std::string& path, pid_t pid, int) { seen.emplace_back(path, pid); });
    return seen;
  }
  std::string path(const std::string& name) { return tree_.path() + "/" + name; }
  testlib::TempTree tree_;
  std::optional<FileWriters> writers_;
};

TEST_F(FileWritersTest, TellsWhoAndWhich) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[1]);
    std::ofstream(path("etc/other")) << "2";
    std::ofstream(path("etc/a")) << "2";
    ::rename(path("etc/other").c_str(), path("etc/b").c_str());
    ::chmod(path("etc/b").c_str(), 0600);
    ::unlink(path("etc/a").c_str());
    char c = 0;
    ::_exit(::read(ends[0], &c, 1) == 0 ? 0 : 1);
  }
  std::set<std::string> paths;
  for (int turn = 0; turn < 50 && (paths.size() < 2 || tree_.exists("etc/a")); ++turn)
    for (const auto& [name, pid] : wait(100)) {
      EXPECT_EQ(pid, child);
      paths.insert(name);
    }
  EXPECT_EQ(paths, (std::set<std::string>{"etc/a", "etc/b"}));
  ::close(ends[1]);
}

TEST_F(FileWritersTest, ItsOwnWritesAreNotTold) {
  tree_.write("etc/a", "mine");
  EXPECT_TRUE(wait(100).empty());
}

TEST_F(FileWritersTest, DirectoriesAreMarkedAnew) {
  tree_.remove("etc");
  tree_.write("etc/a", "1");
  const std::size_t before = testlib::openDescriptors();
  writers_->watch({"etc/a"});
  EXPECT_EQ(testlib::openDescriptors(), before);
  wait(20);
  ASSERT_GT(testlib::writeAsAnother(path("etc/a"), "2"), 0);
  const Seen seen = wait();
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen[0].first, "etc/a");
}

}  // namespace
}  // namespace bedplate::daemon
