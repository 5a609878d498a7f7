#include "agent/daemon/probe_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>

namespace bedplate::daemon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FakeClock final : public host::Clock {
 public:
  std::int64_t wallUs() override { return now / 1000; }
  std::int64_t monotonicNs() override { return now; }
  std::atomic<std::int64_t> now = 1'000'000'000;
};

// What a fake job did and is to do; outlives it.
struct Script {
  std::atomic<std::int64_t> due = -1;  // -1: never
  std::atomic<int> ran = 0;
  std::atomic<bool> hangs = false;  // until cancelled
  std::atomic<bool> deaf = false;   // and not even then, until this is false again
  std::atomic<std::int64_t> every = 0;
  std::atomic<std::int64_t> limit = 0;  // of the settings that it saw
};

class FakeJob final : public ProbeJob {
 public:
  FakeJob(std::string name, Script& script) : name_(std::move(name)), script_(script) {}
  std::optional<std::int64_t> dueNs(const Measuring& measuring, std::int64_t /*nowNs*/) override {
    if (!measuring.active || script_.due < 0) return std::nullopt;
    return script_.due;
  }
  std::optional<Measured> run(const Measuring& measuring, const std::atomic<bool>& cancel) override {
    ++script_.ran;
    script_.limit = measuring.diskP99LimitMs;
    while ((script_.hangs && !cancel) || script_.deaf) ::usleep(1000);
    script_.due = script_.every > 0 ? script_.due + script_.every : -1;
    return Measured{name_, "{}"};
  }

 private:
  std::string name_;
  Script& script_;
};

class ProbeThreadTest : public testing::Test {
 protected:
  void start() {
    std::vector<std::unique_ptr<ProbeJob>> jobs;
    jobs.push_back(std::make_unique<FakeJob>("a", a));
    jobs.push_back(std::make_unique<FakeJob>("b", b));
    thread = ProbeThread::start("test", clock, std::move(jobs)).value();
  }
  // Also makes the thread look at the clock.
  void configure(bool active, std::int64_t limit = 10) {
    Measuring measuring;
    measuring.active = active;
    measuring.diskP99LimitMs = limit;
    thread->configure(measuring);
  }
  std::vector<std::string> take(std::size_t count) {
    std::vector<std::string> all;
    while (all.size() < count) {
      pollfd waiting{thread->fd(), POLLIN, 0};
      if (::poll(&waiting, 1, 60'000) <= 0) break;
      for (const auto& one : thread->take()) all.push_back(one.probe);
    }
    return all;
  }
  static void wait(const std::atomic<int>& ran, int count) {
    for (int i = 0; i < 60'000 && ran < count; ++i) ::usleep(1000);
    EXPECT_GE(ran, count);
  }
  // Long enough for a thread that should not run to run.
  static void pause() { ::usleep(50'000); }

  FakeClock clock;
  Script a, b;
  std::unique_ptr<ProbeThread> thread;
};

TEST_F(ProbeThreadTest, RunsWhatIsDueTheEarliestFirst) {
  a.due = 900'000'000;
  b.due = 800'000'000;
  start();
  configure(true);
  EXPECT_THAT(take(2), ElementsAre("b", "a"));
  pause();
  EXPECT_EQ(a.ran + b.ran, 2);
}

TEST_F(ProbeThreadTest, NothingRunsBeforeItsTime) {
  a.due = 2'000'000'000'000;
  start();
  configure(true);
  pause();
  EXPECT_EQ(a.ran, 0);
  clock.now = 2'000'000'000'000;
  configure(true);
  EXPECT_THAT(take(1), ElementsAre("a"));
}

TEST_F(ProbeThreadTest, WaitsByItselfForTheNextTime) {
  a.due = clock.now + 20'000'000;
  start();
  const auto began = std::chrono::steady_clock::now();
  configure(true);
  while (std::chrono::steady_clock::now() - began < std::chrono::milliseconds(19)) ::usleep(1000);
  clock.now += 20'000'000;
  // Nobody calls: the thread looks after 20 ms of its own.
  EXPECT_THAT(take(1), ElementsAre("a"));
}

TEST_F(ProbeThreadTest, WhatIsNotActiveIsNotRunUntilItIs) {
  a.due = 0;
  start();
  pause();
  EXPECT_EQ(a.ran, 0);
  configure(true, 25);
  EXPECT_THAT(take(1), ElementsAre("a"));
  EXPECT_EQ(a.limit, 25);
}

TEST_F(ProbeThreadTest, NewSettingsDoNotDisturbWhatRuns) {
  a.due = 0;
  a.hangs = true;
  start();
  configure(true, 25);
  wait(a.ran, 1);
  configure(false);
  pause();
  EXPECT_THAT(thread->take(), IsEmpty());
  a.hangs = false;
  EXPECT_THAT(take(1), ElementsAre("a"));
}

TEST_F(ProbeThreadTest, StopsAtOnceAndTellsNothingMore) {
  a.due = 0;
  a.hangs = true;
  start();
  configure(true);
  wait(a.ran, 1);
  const auto began = std::chrono::steady_clock::now();
  thread->stop();
  pollfd waiting{thread->fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&waiting, 1, 60'000), 1);
  EXPECT_TRUE(thread->ended());
  EXPECT_THAT(thread->take(), IsEmpty());
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

TEST_F(ProbeThreadTest, StopsWhileItWaits) {
  start();
  thread->stop();
  thread.reset();
  EXPECT_EQ(a.ran, 0);
}

// The daemon must not wait for it: stop() returns, and ended() tells that there is nobody to join yet.
TEST_F(ProbeThreadTest, ADiskThatNeverAnswersIsSeen) {
  a.due = 0;
  a.deaf = true;
  start();
  configure(true);
  wait(a.ran, 1);
  thread->stop();
  pause();
  EXPECT_FALSE(thread->ended());
  a.deaf = false;
  thread.reset();
}

TEST_F(ProbeThreadTest, AJobThatComesAgainDoesNotKeepAnotherOneOut) {
  a.due = 0;
  a.every = 1;
  b.due = 1;
  start();
  configure(true);
  wait(b.ran, 1);
}

}  // namespace
}  // namespace bedplate::daemon
