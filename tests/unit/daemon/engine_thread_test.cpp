#include "agent/daemon/engine_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>

namespace bedplate::daemon {
namespace {

using testing::ElementsAre;

// Notes what it is asked. A sync waits as the engine does for a silent server: until it is interrupted or allowed.
class FakeRunner final : public Runner {
 public:
  explicit FakeRunner(EngineThread::Interrupt interrupt) : interrupt_(std::move(interrupt)) {}

  Done run(const Command& command) override {
    Done done;
    done.act = command.act;
    note(name(command.act));
    if (command.act == Act::suspend)
      while (busy) ::usleep(1000);
    if (command.act == Act::repair) {
      const std::lock_guard lock(mutex_);
      writers_ = command.writers;
      whole_ = command.whole;
    }
    news = command.news;
    if (command.act == Act::sync && !answers) {
      if (!waitForServer()) {
        note("cancelled");
        done.cancelled = true;
        return done;
      }
    }
    return done;
  }

  std::vector<std::string> noted() {
    const std::lock_guard lock(mutex_);
    return noted_;
  }
  apply::Writers writers() {
    const std::lock_guard lock(mutex_);
    return writers_;
  }
  bool whole() {
    const std::lock_guard lock(mutex_);
    return whole_;
  }
  std::atomic<bool> answers = true;
  std::atomic<bool> busy = false;  // a suspend lasts as long
  apply::News news;                // of the last command; to be read when it is done

 private:
  bool waitForServer() {
    note("waiting");
    for (;;) {
      pollfd waiting{interrupt_.fd, POLLIN, 0};
      if (::poll(&waiting, 1, 10) > 0 && !interrupt_.interrupted()) return false;
      if (answers) return true;
    }
  }
  void note(const std::string& text) {
    const std::lock_guard lock(mutex_);
    noted_.push_back(text);
  }

  EngineThread::Interrupt interrupt_;
  std::mutex mutex_;
  std::vector<std::string> noted_;
  apply::Writers writers_;  // of the last repair
  bool whole_ = false;
};

class EngineThreadTest : public testing::Test {
 protected:
  EngineThreadTest() {
    thread = EngineThread::start([this](EngineThread::Interrupt interrupt) {
               auto made = std::make_unique<FakeRunner>(std::move(interrupt));
               runner = made.get();
               return made;
             }).value();
  }

  void post(Act act, Ticket ticket = 0) { thread->post({.act = act, .text = {}}, ticket); }
  // The next results, in order; gives up after a minute.
  std::vector<EngineThread::Finished> take(std::size_t count) {
    std::vector<EngineThread::Finished> all;
    while (all.size() < count) {
      pollfd waiting{thread->fd(), POLLIN, 0};
      if (::poll(&waiting, 1, 60'000) <= 0) break;
      for (auto& one : thread->take()) all.push_back(std::move(one));
    }
    EXPECT_EQ(all.size(), count);
    return all;
  }
  void waitUntilNoted(const std::string& text) {
    for (int i = 0; i < 6000; ++i) {
      for (const auto& one : runner->noted())
        if (one == text) return;
      ::usleep(10'000);
    }
    FAIL() << "never " << text;
  }

  FakeRunner* runner = nullptr;
  std::unique_ptr<EngineThread> thread;
};

TEST_F(EngineThreadTest, DoesCommandsInTheirOrder) {
  post(Act::start);
  post(Act::suspend, 7);
  post(Act::resume, 8);
  const auto results = take(3);
  EXPECT_EQ(results[0].done.act, Act::start);
  EXPECT_THAT(results[1].tickets, ElementsAre(7));
  EXPECT_THAT(results[2].tickets, ElementsAre(8));
}

TEST_F(EngineThreadTest, WaitingSyncsAreOne) {
  runner->answers = false;
  post(Act::sync, 1);
  waitUntilNoted("waiting");
  post(Act::sync, 2);
  post(Act::sync, 3);
  runner->answers = true;
  const auto results = take(2);
  EXPECT_THAT(results[0].tickets, ElementsAre(1));
  // They asked after the first had begun: what they pushed may not be in it.
  EXPECT_THAT(results[1].tickets, ElementsAre(2, 3));
}

// One that saw a gap in its watch, or a file touched, must not be told away by the other.
TEST_F(EngineThreadTest, NewsOfWaitingSyncsAreTakenTogether) {
  runner->answers = false;
  post(Act::sync, 1);
  waitUntilNoted("waiting");
  thread->post({.act = Act::sync, .text = {}, .news = {.files = true, .touched = {"a"}, .keys = true}}, 2);
  thread->post({.act = Act::sync, .text = {}, .news = {.files = false, .touched = {"b"}, .keys = true}}, 3);
  runner->answers = true;
  take(2);
  EXPECT_FALSE(runner->news.files);
  EXPECT_TRUE(runner->news.keys);
  EXPECT_EQ(runner->news.touched, (std::set<std::string>{"a", "b"}));
}

TEST_F(EngineThreadTest, MeasurementsAreKeptWhileTheServerIsSilentEachByItself) {
  runner->answers = false;
  post(Act::sync, 1);
  waitUntilNoted("waiting");
  post(Act::measured);
  post(Act::measured);
  const auto results = take(2);
  EXPECT_EQ(results[0].done.act, Act::measured);
  EXPECT_EQ(results[1].done.act, Act::measured);
  runner->answers = true;
  EXPECT_EQ(take(1)[0].done.act, Act::sync);
}

TEST_F(EngineThreadTest, DriftIsPutBackWhileTheServerIsSilent) {
  runner->answers = false;
  post(Act::sync, 1);
  waitUntilNoted("waiting");
  post(Act::repair);
  EXPECT_EQ(take(1)[0].done.act, Act::repair);
  EXPECT_THAT(runner->noted(), ElementsAre("sync", "waiting", "drift repair"));
  runner->answers = true;
  EXPECT_THAT(take(1)[0].tickets, ElementsAre(1));
}

TEST_F(EngineThreadTest, ACommandInterruptsTheWaitAndTheSyncIsDoneAgain) {
  runner->answers = false;
  post(Act::sync, 1);
  waitUntilNoted("waiting");
  post(Act::suspend, 2);
  EXPECT_THAT(take(1)[0].tickets, ElementsAre(2));
  runner->answers = true;
  const auto results = take(1);
  EXPECT_EQ(results[0].done.act, Act::sync);
  EXPECT_THAT(results[0].tickets, ElementsAre(1));
}

TEST_F(EngineThreadTest, TheEndInterruptsTheWait) {
  runner->answers = false;
  post(Act::sync, 1);
  waitUntilNoted("waiting");
  thread->stop();
  pollfd waiting{thread->fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&waiting, 1, 60'000), 1);
  EXPECT_TRUE(thread->take().empty());
  EXPECT_TRUE(thread->ended());
  EXPECT_THAT(runner->noted(), ElementsAre("sync", "waiting", "cancelled"));
}

TEST_F(EngineThreadTest, RepairGoesFirst) {
  runner->answers = false;
  post(Act::sync, 1);
  waitUntilNoted("waiting");
  post(Act::sync, 2);
  post(Act::repair);
  EXPECT_EQ(take(1)[0].done.act, Act::repair);
  runner->answers = true;
  EXPECT_EQ(take(2)[1].done.act, Act::sync);
}

TEST_F(EngineThreadTest, RepairsThatWaitAreOneWithAllTheirWriters) {
  runner->busy = true;
  post(Act::suspend);
  waitUntilNoted("suspend");
  thread->post({.act = Act::repair, .writers = {{"a", "pid 1 early"}, {"b", "pid 2 only"}}, .whole = true});
  thread->post({.act = Act::repair, .writers = {{"a", "pid 3 late"}}});
  runner->busy = false;
  take(2);
  EXPECT_THAT(runner->noted(), ElementsAre("suspend", "drift repair"));
  EXPECT_THAT(runner->writers(),
              testing::UnorderedElementsAre(testing::Pair("a", "pid 3 late"), testing::Pair("b", "pid 2 only")));
  EXPECT_TRUE(runner->whole());
}

}  // namespace
}  // namespace bedplate::daemon
