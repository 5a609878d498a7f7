// On the machine itself: who else runs on the CPU must not look like the hypervisor.
#include "tuning/bench/osnoise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>

#include "tests/lib/temp_tree.h"

namespace bedplate::bench {
namespace {

constexpr std::int64_t kMs = 1'000'000;

host::HostFiles machine() { return std::move(host::HostFiles::open("/").value()); }

// A process of the test, which ends with it.
class Child {
 public:
  explicit Child(const std::function<void()>& run) : pid_(::fork()) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    run();
    ::_exit(0);
  }
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

void spinOn(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  ::sched_setaffinity(0, sizeof set, &set);
  for (;;) asm volatile("");
}

// A long burst in a child, which may be moved before and stopped meanwhile; nullopt when it could not be made.
std::optional<Burst> burstInChild(int cpu, const std::function<void(pid_t)>& before,
                                  const std::function<void(pid_t)>& meanwhile) {
  int go[2], result[2];
  EXPECT_EQ(::pipe(go), 0);
  EXPECT_EQ(::pipe(result), 0);
  std::optional<Burst> burst;
  {
    const Child child([&] {
      char begin = 0;
      static_cast<void>(!::read(go[0], &begin, 1));
      auto files = machine();
      const auto seen = watchCpu(files, cpu, {.watchNs = 800 * kMs, .chunksNs = 0});
      if (seen) static_cast<void>(!::write(result[1], &*seen, sizeof *seen));
    });
    ::close(result[1]);
    before(child.pid());
    static_cast<void>(!::write(go[1], "g", 1));
    meanwhile(child.pid());
    Burst seen;
    if (::read(result[0], &seen, sizeof seen) == static_cast<ssize_t>(sizeof seen)) burst = seen;
  }
  for (const int fd : {go[0], go[1], result[0]}) ::close(fd);
  return burst;
}

double share(std::int64_t part, std::int64_t whole) { return static_cast<double>(part) / static_cast<double>(whole); }

#define NEEDS_SCHEDSTAT(files, cpu)                                                       \
  if (const auto tried = watchCpu(files, cpu, {.watchNs = kMs, .chunksNs = 0}); !tried) { \
    EXPECT_EQ(tried.error().reason, "Unknown");                                           \
    GTEST_SKIP() << "SKIPPED: this kernel does not say who was the cause of a gap";       \
  }

TEST(WatchCpu, SeesItsOwnTimeAndFreesTheThread) {
  auto files = machine();
  const auto cpus = watchableCpus();
  ASSERT_FALSE(cpus.empty());
  NEEDS_SCHEDSTAT(files, cpus.front());
  for (const int cpu : cpus) {
    const auto burst = watchCpu(files, cpu);
    ASSERT_TRUE(burst) << burst.error().text();
    EXPECT_EQ(burst->cpu, cpu);
    EXPECT_GE(burst->watchedNs, 10 * kMs);
    EXPECT_LE(burst->preemptedNs + burst->beneathNs, burst->watchedNs);
    EXPECT_GT(burst->clockNs, 0);
    EXPECT_LE(burst->chunkP5Ns, burst->chunkP50Ns);
  }
  EXPECT_EQ(watchableCpus(), cpus);
}

TEST(WatchCpu, ASecondBusyProcessIsNotSteal) {
  auto files = machine();
  const int cpu = watchableCpus().back();
  NEEDS_SCHEDSTAT(files, cpu);
  const Child busy([cpu] { spinOn(cpu); });
  std::vector<Burst> bursts;
  for (int i = 0; i < 4; ++i) {
    const auto burst = watchCpu(files, cpu, {.watchNs = 400 * kMs, .chunksNs = 0});
    ASSERT_TRUE(burst) << burst.error().text();
    bursts.push_back(*burst);
  }
  const Noise noise = noiseOf(bursts);
  const std::int64_t watched = noise.ownNs + noise.preemptedNs;
  ASSERT_GT(share(noise.preemptedNs, watched), 0.25) << "the other one did run";
  EXPECT_LT(share(noise.beneathNs, watched), share(noise.preemptedNs, watched) / 10);
  RecordProperty("preempted", std::to_string(share(noise.preemptedNs, watched)));
  RecordProperty("beneath", std::to_string(share(noise.beneathNs, watched)));
}

TEST(WatchCpu, AStoppedProcessIsNotSteal) {
  auto files = machine();
  const int cpu = watchableCpus().front();
  NEEDS_SCHEDSTAT(files, cpu);
  const auto burst = burstInChild(
      cpu, [](pid_t) {},
      [](pid_t pid) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        ::kill(pid, SIGSTOP);
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        ::kill(pid, SIGCONT);
      });
  ASSERT_TRUE(burst);
  EXPECT_GE(burst->preemptedNs, 150 * kMs);
  EXPECT_LT(burst->longestNs, 100 * kMs);
}

// A cgroup that gets 20 of 100 ms, of whichever version holds the CPU controller here.
class Quota {
 public:
  Quota() {
    const std::string name = "bedplate-test-" + std::to_string(::getpid());
    const std::string two = "/sys/fs/cgroup/" + name, one = "/sys/fs/cgroup/cpu/" + name;
    std::error_code error;
    if (std::filesystem::exists("/sys/fs/cgroup/cgroup.controllers")) {
      if (std::filesystem::create_directory(two, error)) path_ = two;
      set_ = put("cpu.max", "20000 100000");
    } else if (std::filesystem::exists("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")) {
      if (std::filesystem::create_directory(one, error)) path_ = one;
      set_ = put("cpu.cfs_period_us", "100000") && put("cpu.cfs_quota_us", "20000");
    }
  }
  ~Quota() {
    if (!path_.empty()) ::rmdir(path_.c_str());
  }
  Quota(const Quota&) = delete;
  Quota& operator=(const Quota&) = delete;
  [[nodiscard]] bool take(pid_t pid) const { return set_ && put("cgroup.procs", std::to_string(pid)); }
  [[nodiscard]] bool set() const { return set_; }

 private:
  [[nodiscard]] bool put(const char* file, const std::string& text) const {
    if (path_.empty()) return false;
    std::ofstream out(path_ + "/" + file);
    out << text << std::flush;
    return out.good();
  }
  std::string path_;
  bool set_ = false;
};

TEST(WatchCpu, AnOwnQuotaIsNotSteal) {
  auto files = machine();
  const int cpu = watchableCpus().front();
  NEEDS_SCHEDSTAT(files, cpu);
  const Quota quota;
  if (!quota.set()) GTEST_SKIP() << "SKIPPED: no cgroup with a CPU quota can be made here (root, and its controller)";
  bool taken = false;
  const auto burst = burstInChild(cpu, [&](pid_t pid) { taken = quota.take(pid); }, [](pid_t) {});
  ASSERT_TRUE(taken);
  ASSERT_TRUE(burst);
  EXPECT_GT(burst->throttledNs, 100 * kMs);
  EXPECT_GE(burst->preemptedNs, burst->throttledNs);
  EXPECT_LT(share(burst->beneathNs, burst->watchedNs), share(burst->throttledNs, burst->watchedNs) / 10);
}

TEST(WatchCpu, WhatCannotBeToldIsAnError) {
  auto files = machine();
  EXPECT_EQ(watchCpu(files, 0, {.watchNs = 2'000'000'000}).error().reason, "Invalid");
  EXPECT_EQ(watchCpu(files, -1).error().reason, "Denied");
  EXPECT_EQ(watchCpu(files, 8191).error().reason, "Denied");
  testlib::TempTree tree;
  EXPECT_EQ(watchCpu(tree.files(), 0).error().reason, "Unknown");
}

}  // namespace
}  // namespace bedplate::bench
