// Trees of files that stand for /proc.
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/lib/forwarding_files.h"
#include "tests/lib/temp_tree.h"
#include "tuning/host/paths.h"
#include "tuning/inotify/inotify.h"

namespace bedplate::inotify {
namespace {

class InotifyScan : public testing::Test {
 protected:
  void process(int pid) {
    const std::string at = "proc/" + std::to_string(pid) + "/";
    ASSERT_TRUE(tree.files().makeDirectories(at + "fd", 0755));
    descriptor(pid, 0, "/dev/null");
    descriptor(pid, 1, "socket:[4711]");
  }
  void descriptor(int pid, int fd, const std::string& target) {
    const std::string path = tree.path() + "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd);
    ASSERT_EQ(::symlink(target.c_str(), path.c_str()), 0);
  }
  void instance(int pid, int fd, int watches) {
    descriptor(pid, fd, "anon_inode:inotify");
    std::string info = "pos:\t0\nflags:\t00\nmnt_id:\t15\nino:\t1060\n";
    for (int i = 0; i < watches; ++i)
      info += "inotify wd:" + std::to_string(i) + " ino:1 sdev:1 mask:1 ignored_mask:0\n";
    tree.write("proc/" + std::to_string(pid) + "/fdinfo/" + std::to_string(fd), info);
  }
  bool giveTo(int pid, uid_t uid) {
    return ::chown((tree.path() + "/proc/" + std::to_string(pid)).c_str(), uid, static_cast<gid_t>(-1)) == 0;
  }

  testlib::TempTree tree;
};

TEST_F(InotifyScan, CountsInstancesByHolder) {
  process(1);
  instance(1, 5, 3);
  instance(1, 9, 4);
  process(812);
  for (int fd = 10; fd < 15; ++fd) instance(812, fd, 100);
  process(813);
  tree.write("proc/meminfo", "no process\n");
  tree.write("proc/sys/fs/inotify/max_user_instances", "128\n");

  const auto usage = scan(tree.files(), {});
  ASSERT_TRUE(usage) << usage.error().text();
  EXPECT_EQ(usage->unseen, 0);
  EXPECT_EQ(usage->descriptors, 13);
  ASSERT_EQ(usage->users.size(), 1U);
  EXPECT_EQ(usage->users[0].uid, ::geteuid());
  EXPECT_EQ(usage->users[0].instances, 7);
  EXPECT_EQ(usage->users[0].watches, 0) << "not asked for";
  ASSERT_EQ(usage->byInstances.size(), 2U);
  EXPECT_EQ(usage->byInstances[0].pid, 812);
  EXPECT_EQ(usage->byInstances[0].instances, 5);
  EXPECT_EQ(usage->byInstances[1].pid, 1);
  EXPECT_EQ(usage->byInstances[1].uid, ::geteuid());
}

TEST_F(InotifyScan, CountsWatchesAndPutsTheMostFirst) {
  process(1);
  instance(1, 5, 3);
  instance(1, 6, 3);
  process(2);
  instance(2, 5, 5000);
  const auto usage = scan(tree.files(), {.watches = true, .goOn = {}, .compare = {}});
  ASSERT_TRUE(usage);
  EXPECT_FALSE(usage->watchesCut);
  EXPECT_EQ(usage->users[0].watches, 5006);
  ASSERT_EQ(usage->byWatches.size(), 2U);
  EXPECT_EQ(usage->byWatches[0].pid, 2);
  EXPECT_EQ(usage->byWatches[0].watches, 5000);
  EXPECT_EQ(usage->byWatches[1].watches, 6);
}

TEST_F(InotifyScan, KeepsUsersApart) {
  process(1);
  instance(1, 5, 1);
  process(2);
  instance(2, 5, 1);
  instance(2, 6, 1);
  if (!giveTo(2, 1000)) GTEST_SKIP() << "SKIPPED: only root can give files away";
  const auto usage = scan(tree.files(), {});
  ASSERT_TRUE(usage);
  ASSERT_EQ(usage->users.size(), 2U);
  EXPECT_EQ(usage->users[0].uid, 1000U);
  EXPECT_EQ(usage->users[0].instances, 2);
  EXPECT_EQ(usage->users[1].instances, 1);
}

TEST_F(InotifyScan, StopsCountingWatchesWhenTold) {
  process(1);
  for (int fd = 5; fd < 15; ++fd) instance(1, fd, 10);
  int asked = 0;
  const auto usage = scan(tree.files(), {.watches = true, .goOn = [&] { return ++asked <= 4; }, .compare = {}});
  ASSERT_TRUE(usage);
  EXPECT_TRUE(usage->watchesCut);
  EXPECT_EQ(usage->users[0].watches, 40);
  EXPECT_EQ(usage->users[0].instances, 10) << "these are all known";
}

// Descriptors 5 of processes 1 and 2, and 6 and 7 of process 2, are one file each.
TEST_F(InotifyScan, AFileThatIsSharedIsOneInstance) {
  process(1);
  instance(1, 5, 10);
  process(2);
  instance(2, 5, 10);
  instance(2, 6, 20);
  instance(2, 7, 20);
  const auto fileOf = [](std::int64_t pid, int fd) { return fd == 5 ? 50 : pid == 2 ? 20 : 99; };
  const Compare compare = [&](std::int64_t pidA, int fdA, std::int64_t pidB, int fdB) {
    const int a = fileOf(pidA, fdA);
    const int b = fileOf(pidB, fdB);
    return a == b ? 0 : a < b ? 1 : 2;
  };
  const auto usage = scan(tree.files(), {.watches = true, .goOn = {}, .compare = compare});
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->users[0].instances, 2);
  EXPECT_EQ(usage->users[0].watches, 30);
  ASSERT_EQ(usage->byWatches.size(), 2U);
  EXPECT_EQ(usage->byWatches[0].pid, 2);
  EXPECT_EQ(usage->byWatches[0].instances, 1);
  EXPECT_EQ(usage->byWatches[1].pid, 1);

  const Compare cannot = [](std::int64_t, int, std::int64_t, int) { return -1; };
  EXPECT_EQ(scan(tree.files(), {.watches = false, .goOn = {}, .compare = cannot})->users[0].instances, 4);
}

TEST_F(InotifyScan, NamesOnlyTheBiggestHolders) {
  for (int pid = 1; pid <= 30; ++pid) {
    process(pid);
    for (int fd = 0; fd < pid; ++fd) instance(pid, 10 + fd, 0);
  }
  const auto usage = scan(tree.files(), {});
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->users[0].instances, 30 * 31 / 2);
  ASSERT_EQ(usage->byInstances.size(), kMostHolders);
  EXPECT_EQ(usage->byInstances.front().pid, 30);
}

// What another's /proc/PID/fd says without CAP_SYS_PTRACE, and a process that ends between two looks.
class Refusing final : public testlib::ForwardingFiles {
 public:
  using ForwardingFiles::ForwardingFiles;
  host::Status links(const std::string& path, std::size_t limit,
                     const std::function<void(std::string_view, std::string_view)>& take) override {
    if (path == "proc/2/fd") return host::failErrno(EACCES, path, "cannot open");
    if (path == "proc/3/fd") return host::failErrno(ENOENT, path, "cannot open");
    return ForwardingFiles::links(path, limit, take);
  }
};

TEST_F(InotifyScan, SaysHowManyProcessesItCouldNotSee) {
  for (const int pid : {1, 2, 3}) {
    process(pid);
    instance(pid, 5, 1);
  }
  Refusing files(tree.files());
  const auto usage = scan(files, {});
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->unseen, 1) << "the one that ended is none";
  EXPECT_EQ(usage->users[0].instances, 1);
}

TEST_F(InotifyScan, WithoutProcThereIsNothing) {
  const auto usage = scan(tree.files(), {});
  ASSERT_FALSE(usage);
  EXPECT_EQ(usage.error().reason, "NotFound");
}

TEST_F(InotifyScan, LimitsAndFileHandlesComeFromTheKernel) {
  EXPECT_EQ(readLimits(tree.files()).error().reason, "NotFound");
  tree.write(host::paths::inotifyInstances, "128\n");
  tree.write(host::paths::inotifyWatches, "192536\n");
  tree.write(host::paths::fileHandles, "2619\t0\t2466170\n");
  const auto limits = readLimits(tree.files());
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->instances, 128);
  EXPECT_EQ(limits->watches, 192536);
  const auto handles = readFileHandles(tree.files());
  ASSERT_TRUE(handles);
  EXPECT_EQ(handles->used, 2619);
  EXPECT_EQ(handles->limit, 2466170);
  tree.write(host::paths::inotifyInstances, "lots\n");
  EXPECT_EQ(readLimits(tree.files()).error().reason, "Corrupt");
  tree.write(host::paths::fileHandles, "1 2\n");
  EXPECT_EQ(readFileHandles(tree.files()).error().reason, "Corrupt");
}

}  // namespace
}  // namespace bedplate::inotify
