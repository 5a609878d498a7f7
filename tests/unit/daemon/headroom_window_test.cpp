// Samples a minute apart on a tree that stands for a host.
#include "agent/daemon/headroom_window.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "tests/lib/temp_tree.h"
#include "tuning/host/paths.h"

namespace bedplate::daemon {
namespace {

class HeadroomSamples : public testing::Test {
 protected:
  void conntrack(int entries, unsigned failed, unsigned dropped) {
    tree.write(host::paths::conntrackCount, std::to_string(entries) + "\n");
    tree.write(host::paths::conntrackMax, "1000\n");
    char line[64];
    std::snprintf(line, sizeof line, "%08x  %08x %08x\n", static_cast<unsigned>(entries), failed, dropped);
    tree.write(host::paths::conntrackCounters, std::string("entries  insert_failed drop\n") + line);
  }
  void holder(int pid, const std::string& comm, int fds, int watches) {
    const std::string at = "proc/" + std::to_string(pid) + "/";
    tree.write(at + "comm", comm + "\n");
    tree.write(at + "cmdline", "");
    tree.write(at + "stat",
               std::to_string(pid) + " (" + comm + ") S 1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 77 1\n");
    tree.write(at + "cgroup", "0::/system.slice/" + comm + ".service\n");
    ASSERT_TRUE(tree.files().makeDirectories(at + "fd", 0755));
    std::string lines = "pos:\t0\n";
    for (int i = 0; i < watches; ++i) lines += "inotify wd:" + std::to_string(i) + " ino:1\n";
    for (int fd = 10; fd < 10 + fds; ++fd) {
      const std::string link = tree.path() + "/" + at + "fd/" + std::to_string(fd);
      ASSERT_EQ(::symlink("anon_inode:inotify", link.c_str()), 0);
      tree.write(at + "fdinfo/" + std::to_string(fd), lines);
    }
  }
  void limits() {
    tree.write(host::paths::inotifyInstances, "128\n");
    tree.write(host::paths::inotifyWatches, "8192\n");
  }
  report::Headroom sample() { return window.sample(tree.files(), clock, false); }
  report::Headroom after(std::int64_t seconds) {
    clock.advanceMs(seconds * 1000);
    return sample();
  }

  testlib::TempTree tree;
  testlib::FakeClock clock;
  HeadroomWindow window;
};

TEST_F(HeadroomSamples, ATreeWithoutAKernelHasNothing) {
  const auto headroom = sample();
  EXPECT_FALSE(headroom.conntrack);
  EXPECT_FALSE(headroom.inotify);
  EXPECT_FALSE(headroom.fileHandles);
  EXPECT_EQ(headroom.takenUs, clock.wall);
}

TEST_F(HeadroomSamples, RatesAreOfTheLastFiveMinutes) {
  conntrack(10, 5, 0xffff'fff0U);
  auto headroom = sample();
  ASSERT_TRUE(headroom.conntrack);
  EXPECT_EQ(headroom.conntrack->entries, 10);
  EXPECT_EQ(headroom.conntrack->limit, 1000);
  EXPECT_EQ(headroom.conntrack->seconds, 0);
  EXPECT_EQ(headroom.conntrack->drop, 0);

  conntrack(11, 35, 0x10U);  // wrapped: 32 more
  headroom = after(60);
  EXPECT_EQ(headroom.conntrack->seconds, 60);
  EXPECT_DOUBLE_EQ(headroom.conntrack->insertFailed, 0.5);
  EXPECT_DOUBLE_EQ(headroom.conntrack->drop, 32.0 / 60);
  EXPECT_EQ(headroom.conntrack->earlyDrop, 0);

  for (int minute = 0; minute < 5; ++minute) headroom = after(60);
  EXPECT_EQ(headroom.conntrack->seconds, 300);
  EXPECT_EQ(headroom.conntrack->drop, 0) << "that was six minutes ago";
  const std::map<std::string, std::int64_t> events(headroom.conntrack->events.begin(),
                                                   headroom.conntrack->events.end());
  EXPECT_EQ(events.at("drop"), 32);
  EXPECT_EQ(events.at("insert_failed"), 30);
}

TEST_F(HeadroomSamples, AModuleThatGoesTakesItsNumbersAlong) {
  conntrack(10, 5, 5);
  ASSERT_TRUE(sample().conntrack);
  tree.remove(host::paths::conntrackCount);
  EXPECT_FALSE(after(60).conntrack);
  conntrack(1, 0, 0);
  const auto headroom = after(60);
  ASSERT_TRUE(headroom.conntrack);
  EXPECT_EQ(headroom.conntrack->seconds, 0) << "it begins anew";
}

TEST_F(HeadroomSamples, InstancesAreNamedEachMinuteAndWatchesCountedEachHour) {
  limits();
  holder(812, "promtail", 3, 100);
  holder(900, "udevd", 1, 5);
  auto headroom = sample();
  ASSERT_TRUE(headroom.inotify);
  EXPECT_EQ(headroom.inotify->instancesLimit, 128);
  ASSERT_EQ(headroom.inotify->users.size(), 1U);
  EXPECT_EQ(headroom.inotify->users[0].uid, ::geteuid());
  EXPECT_EQ(headroom.inotify->users[0].instances, 4);
  EXPECT_EQ(headroom.inotify->watchesUs, 0) << "not while the node starts";
  ASSERT_EQ(headroom.inotify->byInstances.size(), 2U);
  EXPECT_EQ(headroom.inotify->byInstances[0].name, "promtail");
  EXPECT_EQ(headroom.inotify->byInstances[0].unit, "promtail.service");

  headroom = after(60);
  EXPECT_EQ(headroom.inotify->watchesUs, clock.wall);
  EXPECT_EQ(headroom.inotify->users[0].watches, 305);
  ASSERT_FALSE(headroom.inotify->byWatches.empty());
  EXPECT_EQ(headroom.inotify->byWatches[0].watches, 300);

  holder(950, "new", 1, 1000);
  headroom = after(60);
  EXPECT_EQ(headroom.inotify->users[0].instances, 5);
  EXPECT_EQ(headroom.inotify->users[0].watches, 305) << "of the last count";
  EXPECT_EQ(after(3540).inotify->users[0].watches, 1305);
}

TEST_F(HeadroomSamples, FileHandlesAreTheSystems) {
  tree.write(host::paths::fileHandles, "2619\t0\t2466170\n");
  const auto headroom = sample();
  ASSERT_TRUE(headroom.fileHandles);
  EXPECT_EQ(headroom.fileHandles->used, 2619);
  EXPECT_EQ(headroom.fileHandles->limit, 2466170);
}

}  // namespace
}  // namespace bedplate::daemon
