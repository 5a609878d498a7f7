#include "agent/daemon/journal.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace bedplate::daemon {
namespace {

constexpr std::int64_t kMinuteNs = 60'000'000'000;

TEST(Repeats, SaysAFailureOnceAndThenHourly) {
  Repeats repeats;
  EXPECT_TRUE(repeats.worthSaying("sync", "no route", 0));
  for (int minute = 1; minute < 60; ++minute) EXPECT_FALSE(repeats.worthSaying("sync", "no route", minute * kMinuteNs));
  EXPECT_TRUE(repeats.worthSaying("sync", "no route", 60 * kMinuteNs));
  EXPECT_FALSE(repeats.worthSaying("sync", "no route", 61 * kMinuteNs));
}

TEST(Repeats, AnotherTextOrTopicIsNews) {
  Repeats repeats;
  EXPECT_TRUE(repeats.worthSaying("sync", "no route", 0));
  EXPECT_TRUE(repeats.worthSaying("sync", "refused", 0));
  EXPECT_TRUE(repeats.worthSaying("bus", "refused", 0));
  EXPECT_TRUE(repeats.over("sync"));
  EXPECT_FALSE(repeats.over("sync"));
  EXPECT_TRUE(repeats.worthSaying("sync", "refused", 0));
}

// Stderr as a pipe for the time of one entry.
std::string sayOnStderr(const Entry& entry) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  const int old = ::dup(STDERR_FILENO);
  ::dup2(ends[1], STDERR_FILENO);
  ::close(ends[1]);
  SystemJournal().say(entry);
  ::dup2(old, STDERR_FILENO);
  ::close(old);
  std::array<char, 4096> buffer{};
  const ssize_t size = ::read(ends[0], buffer.data(), buffer.size());
  ::close(ends[0]);
  return {buffer.data(), static_cast<std::size_t>(size)};
}

TEST(SystemJournal, WritesPrefixedLinesWithoutJournald) {
  ::setenv("JOURNAL_STREAM", "1:1", 1);  // of somebody else's stderr
  EXPECT_EQ(sayOnStderr({.level = Level::warning, .message = "cannot reach it", .reason = "Timeout"}),
            "<4>cannot reach it [Timeout]\n");
  ::unsetenv("JOURNAL_STREAM");
}

TEST(SystemJournal, ForeignTextStaysOnItsLine) {
  EXPECT_EQ(sayOnStderr({.level = Level::info, .message = "subject\n<0>forged\033[2J"}), "<6>subject <0>forged?[2J\n");
}

TEST(EntryFor, KeepsReasonAndText) {
  const Entry entry = entryFor(Level::error, "cannot start", {"NoSpace", 28, "/x", "no space", "free some"});
  EXPECT_EQ(entry.message, "cannot start: /x: no space: free some");
  EXPECT_EQ(entry.reason, "NoSpace");
}

}  // namespace
}  // namespace bedplate::daemon
