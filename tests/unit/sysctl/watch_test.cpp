// The watch on the real kernel, in network namespaces.
#include "tuning/sysctl/watch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <vector>

#include "tests/lib/netns.h"
#include "tests/lib/temp_tree.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::sysctl {
namespace {

using testlib::inNamespace;
using testlib::writeAsAnother;

constexpr const char* kKey = "net/ipv4/conf/lo/arp_ignore";
constexpr const char* kOther = "net/ipv4/conf/lo/arp_announce";

#ifdef FAN_REPORT_PIDFD
constexpr bool kPidfds = true;
#else
constexpr bool kPidfds = false;
#endif

// gtest cannot fail or skip from inside the forked process: it says what is wrong.
#define BEDPLATE_CHECK(CONDITION) \
  if (!(CONDITION)) return std::string(#CONDITION " does not hold, line ") + std::to_string(__LINE__)

#define BEDPLATE_EXPECT_WELL(RESULT)                               \
  do {                                                             \
    const std::string outcome = (RESULT);                          \
    if (outcome.rfind("SKIPPED", 0) == 0) GTEST_SKIP() << outcome; \
    EXPECT_EQ(outcome, "");                                        \
  } while (false)

struct Seen {
  std::vector<std::pair<std::string, pid_t>> writes;
  bool lost = false;
};

// What comes within the time; less when something comes earlier.
Seen wait(KeyWatch& watch, int ms = 2000) {
  Seen seen;
  pollfd ready{watch.fd(), POLLIN, 0};
  if (watch.fd() >= 0) ::poll(&ready, 1, ms);
  seen.lost = watch.drain([&](const std::string& key, pid_t pid, int) { seen.writes.emplace_back(key, pid); });
  return seen;
}

host::HostFiles machine() { return std::move(*host::HostFiles::open("/")); }
std::string path(const std::string& key) { return "/proc/sys/" + key; }

constexpr const char* kNoFanotify = "SKIPPED: this kernel or sandbox gives no fanotify";

class WatchBy : public ::testing::TestWithParam<bool> {
 protected:
  static KeyWatch open(host::HostFiles& files, const std::set<std::string>& keys) {
    KeyWatch watch = KeyWatch::open(files, {.fanotify = GetParam()});
    watch.watch(keys);
    return watch;
  }
  static bool missing(const KeyWatch& watch) { return GetParam() && watch.by() != KeyWatch::By::fanotify; }
};

INSTANTIATE_TEST_SUITE_P(All, WatchBy, ::testing::Bool(),
                         [](const auto& which) { return which.param ? "fanotify" : "inotify"; });

TEST_P(WatchBy, AWriteByAnotherIsSeenWithItsWriter) {
  BEDPLATE_EXPECT_WELL(inNamespace([]() -> std::string {
    auto files = machine();
    KeyWatch watch = open(files, {kKey, kOther, "net/ipv4/conf/none/arp_ignore"});
    if (missing(watch)) return kNoFanotify;
    BEDPLATE_CHECK(watch.watched() == 2 && watch.missed() == 0);
    BEDPLATE_CHECK(wait(watch, 50).writes.empty());
    // The writer lives until it is told, so that it can be named.
    int ends[2];
    BEDPLATE_CHECK(::pipe(ends) == 0);
    const pid_t writer = ::fork();
    if (writer == 0) {
      ::close(ends[1]);
      std::ofstream(path(kKey)) << "1\n";
      char c = 0;
      ::_exit(::read(ends[0], &c, 1) == 0 ? 0 : 1);
    }
    const Seen seen = wait(watch);
    BEDPLATE_CHECK(!seen.writes.empty() && !seen.lost);
    for (const auto& [key, pid] : seen.writes) {
      BEDPLATE_CHECK(key == kKey);
      BEDPLATE_CHECK(pid == (GetParam() ? writer : 0));
    }
    ::close(ends[1]);
    return "";
  }));
}

TEST_P(WatchBy, DropCachesDoesNotMakeItDeaf) {
  BEDPLATE_EXPECT_WELL(inNamespace([]() -> std::string {
    auto files = machine();
    KeyWatch watch = open(files, {kKey});
    if (missing(watch)) return kNoFanotify;
    if (writeAsAnother("/proc/sys/vm/drop_caches", "3\n") < 0) return "SKIPPED: drop_caches cannot be written";
    wait(watch, 50);
    BEDPLATE_CHECK(writeAsAnother(path(kKey), "1\n") > 0);
    const Seen seen = wait(watch);
    BEDPLATE_CHECK(!seen.writes.empty() && seen.writes[0].first == kKey);
    return "";
  }));
}

TEST_P(WatchBy, AWriterThatIsGoneHasNoNumber) {
  BEDPLATE_EXPECT_WELL(inNamespace([]() -> std::string {
    auto files = machine();
    KeyWatch watch = open(files, {kKey});
    if (missing(watch)) return kNoFanotify;
    BEDPLATE_CHECK(writeAsAnother(path(kKey), "1\n") > 0);  // waited for: its number is free
    const Seen seen = wait(watch);
    BEDPLATE_CHECK(!seen.writes.empty());
    BEDPLATE_CHECK(!kPidfds || seen.writes[0].second == 0);
    return "";
  }));
}

TEST_P(WatchBy, AnInterfaceThatGoesAndComesIsPinnedAnew) {
  BEDPLATE_EXPECT_WELL(inNamespace([]() -> std::string {
    if (!testlib::ip({"link", "add", "d0", "type", "bridge"})) return "SKIPPED: no bridge to be made (iproute2)";
    auto files = machine();
    const std::string key = "net/ipv4/conf/d0/arp_ignore";
    KeyWatch watch = open(files, {key, kKey});
    if (missing(watch)) return kNoFanotify;
    BEDPLATE_CHECK(watch.watched() == 2);
    BEDPLATE_CHECK(testlib::ip({"link", "del", "d0"}));
    watch.refresh();
    BEDPLATE_CHECK(watch.watched() == 1 && watch.missed() == 0);
    BEDPLATE_CHECK(testlib::ip({"link", "add", "d0", "type", "bridge"}));
    watch.refresh();
    BEDPLATE_CHECK(watch.watched() == 2);
    wait(watch, 20);
    BEDPLATE_CHECK(writeAsAnother(path(key), "1\n") > 0);
    const Seen seen = wait(watch);
    BEDPLATE_CHECK(!seen.writes.empty() && seen.writes[0].first == key);
    return "";
  }));
}

TEST_P(WatchBy, TenThousandWritesAndNothingLeaks) {
  BEDPLATE_EXPECT_WELL(inNamespace([]() -> std::string {
    auto files = machine();
    const std::vector<std::string> keys = {kKey, kOther, "net/ipv4/conf/lo/rp_filter", "net/ipv4/conf/lo/log_martians"};
    KeyWatch watch = open(files, std::set<std::string>(keys.begin(), keys.end()));
    if (missing(watch)) return kNoFanotify;
    const std::size_t before = testlib::openDescriptors();
    const pid_t writer = ::fork();
    if (writer == 0) {
      std::vector<int> fds;
      for (const auto& key : keys) fds.push_back(::open(path(key).c_str(), O_WRONLY));
      for (int i = 0; i < 10'000; ++i)
        if (::pwrite(fds[static_cast<std::size_t>(i) % fds.size()], i % 8 < 4 ? "1\n" : "0\n", 2, 0) != 2) ::_exit(1);
      ::_exit(0);
    }
    std::map<std::string, int> seen;
    for (int status = 0; ::waitpid(writer, &status, WNOHANG) == 0;)
      for (const auto& [key, pid] : wait(watch, 5).writes) ++seen[key];
    for (Seen rest = wait(watch, 5); !rest.writes.empty(); rest = wait(watch, 5))
      for (const auto& [key, pid] : rest.writes) ++seen[key];
    BEDPLATE_CHECK(seen.size() == keys.size());
    BEDPLATE_CHECK(testlib::openDescriptors() == before);
    return "";
  }));
}

TEST(Watch, AnotherProcMountRaisesNothing) {
  BEDPLATE_EXPECT_WELL(inNamespace(
      []() -> std::string {
        testlib::TempTree tree;
        if (::mount("proc", tree.path().c_str(), "proc", 0, nullptr) != 0) return "SKIPPED: cannot mount a procfs";
        auto files = machine();
        KeyWatch watch = KeyWatch::open(files);
        watch.watch({kKey});
        BEDPLATE_CHECK(writeAsAnother(tree.path() + "/sys/" + kKey, "1\n") > 0);
        const bool quiet = wait(watch, 200).writes.empty();
        BEDPLATE_CHECK(Tree(files).read(kKey) == std::string("1"));
        ::umount2(tree.path().c_str(), MNT_DETACH);
        BEDPLATE_CHECK(quiet);
        return "";
      },
      true));
}

TEST(Watch, ItsOwnWritesAreNotTold) {
  BEDPLATE_EXPECT_WELL(inNamespace([]() -> std::string {
    auto files = machine();
    KeyWatch watch = KeyWatch::open(files);
    if (watch.by() != KeyWatch::By::fanotify) return kNoFanotify;
    watch.watch({kKey});
    BEDPLATE_CHECK(Tree(files).write(kKey, "1").has_value());
    BEDPLATE_CHECK(wait(watch, 100).writes.empty());
    return "";
  }));
}

TEST(Watch, AnOverflowIsTold) {
  BEDPLATE_EXPECT_WELL(inNamespace([]() -> std::string {
    auto files = machine();
    KeyWatch watch = KeyWatch::open(files, {.fanotify = false});
    watch.watch({kKey, kOther});
    std::size_t limit = 0;
    std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> limit;
    if (limit > 200'000) return "SKIPPED: the queue is too long to be filled here";
    const int one = ::open(path(kKey).c_str(), O_WRONLY);
    const int two = ::open(path(kOther).c_str(), O_WRONLY);
    for (std::size_t i = 0; i <= limit; ++i) BEDPLATE_CHECK(::pwrite(i % 2 == 0 ? one : two, "1\n", 2, 0) == 2);
    bool lost = false;
    for (Seen seen = wait(watch); !seen.writes.empty() || seen.lost; seen = wait(watch, 20)) lost = lost || seen.lost;
    BEDPLATE_CHECK(lost);
    BEDPLATE_CHECK(!wait(watch, 20).lost);
    return "";
  }));
}

TEST(Watch, WithoutBothItIsThePollAndSaysWhy) {
  testlib::TempTree tree;
  tree.write(std::string("proc/sys/") + kKey, "0\n");
  KeyWatch watch = KeyWatch::open(tree.files(), {.fanotify = false, .inotify = false});
  watch.watch({kKey});
  watch.refresh();
  EXPECT_EQ(watch.by(), KeyWatch::By::poll);
  EXPECT_EQ(watch.fd(), -1);
  EXPECT_EQ(watch.watched(), 0U);
  EXPECT_EQ(watch.missed(), 0U);
  EXPECT_FALSE(watch.drain([](const std::string&, pid_t, int) {}));
  EXPECT_EQ(watch.why(), "no fanotify: turned off; no inotify: turned off");
}

TEST(Watch, KeysBeyondTheLimitOfDescriptorsAreCounted) {
  testlib::TempTree tree;
  tree.write(std::string("proc/sys/") + kKey, "0\n");
  tree.write(std::string("proc/sys/") + kOther, "0\n");
  KeyWatch watch = KeyWatch::open(tree.files(), {.spareDescriptors = std::size_t{1} << 40});
  watch.watch({kKey, kOther});
  EXPECT_EQ(watch.watched(), 0U);
  EXPECT_EQ(watch.missed(), 2U);
}

TEST(Watch, KeysThatAreNoLongerWantedAreLetGo) {
  testlib::TempTree tree;
  for (const char* key : {kKey, kOther}) tree.write(std::string("proc/sys/") + key, "0\n");
  const std::size_t before = testlib::openDescriptors();
  KeyWatch watch = KeyWatch::open(tree.files(), {.fanotify = false});
  watch.watch({kKey, kOther});
  EXPECT_EQ(testlib::openDescriptors(), before + 3);
  watch.watch({kOther});
  EXPECT_EQ(testlib::openDescriptors(), before + 2);
  EXPECT_GT(writeAsAnother(tree.path() + "/" + path(kKey), "1\n"), 0);
  EXPECT_TRUE(wait(watch, 50).writes.empty());
  EXPECT_GT(writeAsAnother(tree.path() + "/" + path(kOther), "1\n"), 0);
  EXPECT_EQ(wait(watch).writes.at(0).first, kOther);
}

}  // namespace
}  // namespace bedplate::sysctl
