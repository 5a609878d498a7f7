#include "agent/apply/commit_clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "tests/lib/temp_tree.h"
#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

const std::string kHead(40, 'a');
const std::string kNext(40, 'b');

struct CommitClockTest : testing::Test {
  testlib::TempTree tree;
  testlib::FakeClock clock;
  std::optional<Store> store = open();
  std::optional<CommitClock> follow{std::in_place, *store, clock};

  std::optional<Store> open(Store::Access access = Store::Access::readWrite) {
    auto opened = Store::open(tree.files(), clock, access);
    if (!opened) throw std::runtime_error(opened.error().text());
    return std::move(*opened);
  }
  void restart() {
    follow.reset();
    store.reset();
    store = open();
    follow.emplace(*store, clock);
  }
  // What Keeper::apply leaves.
  RunResult apply(const std::string& commit, const char* failure = nullptr) {
    Generation row;
    row.commit = commit;
    row.cause = "commit";
    const std::int64_t number = store->begin(row).value();
    EXPECT_TRUE(store->finish(number, GenerationState::applied, "", {}));
    RunResult run;
    run.generation = number;
    if (failure != nullptr)
      store->notes().unsettled["net/x"] = {{plan::Action::setSysctl, "net/x", "0", "1", "", ""},
                                           host::Error{failure, 0, "", "", ""}};
    return run;
  }
  CommitTimes row(const std::string& commit) { return store->commitTimes(commit).value().value(); }
  std::int64_t modified() { return tree.files().info(host::paths::stateDb).value().modifiedNs; }
};

TEST_F(CommitClockTest, MeasuresFromFirstSeenToConfirmed) {
  follow->seen(kHead);
  EXPECT_EQ(row(kHead).seenUs, clock.wall);  // durable before it is fetched
  clock.advanceMs(800);
  follow->fetched("raise conntrack");
  clock.advanceMs(700);
  const auto confirmed = follow->applied(apply(kHead));
  ASSERT_TRUE(confirmed);
  EXPECT_EQ(confirmed->generation, 1);
  EXPECT_DOUBLE_EQ(syncLatency(*confirmed).value(), 1.5);
  const CommitTimes times = row(kHead);
  EXPECT_EQ(times.subject, "raise conntrack");
  EXPECT_EQ(times.fetchedUs - times.seenUs, 800'000);
  EXPECT_EQ(times.appliedUs - times.seenUs, 1'500'000);
  EXPECT_EQ(times.acceptedUs, 0);
  EXPECT_EQ(times.waited, "");
}

TEST_F(CommitClockTest, AHeadThatIsInForceWritesNothing) {
  follow->seen(kHead);
  follow->fetched("x");
  ASSERT_TRUE(follow->applied(apply(kHead)));
  const auto before = modified();
  for (int i = 0; i < 3; ++i) {
    clock.advanceMs(60'000);
    follow->seen(kHead);
    EXPECT_FALSE(follow->applied({}));
    follow->ended("RemoteUnreachable");
    follow->ended("Held");  // after a rollback: that it was confirmed stays true
  }
  restart();
  follow->seen(kHead);
  EXPECT_FALSE(follow->applied({}));
  EXPECT_EQ(modified(), before);
  EXPECT_EQ(row(kHead).waited, "");
}

TEST_F(CommitClockTest, SurvivesARestartBetweenSeenAndApplied) {
  follow->seen(kHead);
  restart();
  clock.advanceMs(30'000);
  follow->seen(kHead);
  follow->fetched("x");
  const auto confirmed = follow->applied(apply(kHead));
  ASSERT_TRUE(confirmed);
  EXPECT_DOUBLE_EQ(syncLatency(*confirmed).value(), 30);
}

TEST_F(CommitClockTest, AGenerationThatARestartFinishedIsTheCommits) {
  follow->seen(kHead);
  clock.advanceMs(1000);
  apply(kHead);  // by the recovery, before the first fetch of the new process
  restart();
  clock.advanceMs(9000);
  follow->seen(kHead);
  follow->fetched("x");
  ASSERT_TRUE(follow->applied({}));
  EXPECT_EQ(row(kHead).appliedUs - row(kHead).seenUs, 1'000'000);
  EXPECT_EQ(row(kHead).confirmedUs - row(kHead).seenUs, 10'000'000);
  EXPECT_EQ(row(kHead).generation, 1);
}

TEST_F(CommitClockTest, ACommitThatChangesNothingHereHasNoLatency) {
  apply(kHead);
  follow->seen(kNext);
  follow->fetched("x");
  const auto confirmed = follow->applied({});  // the digest is the same: no generation
  ASSERT_TRUE(confirmed);
  EXPECT_EQ(confirmed->generation, 0);
  EXPECT_FALSE(syncLatency(*confirmed));
}

TEST_F(CommitClockTest, WhatWaitsForPeopleIsMarkedOnceAndNotCounted) {
  follow->seen(kHead);
  follow->ended("Held");
  const auto before = modified();
  follow->ended("Held");
  EXPECT_EQ(modified(), before);
  EXPECT_EQ(row(kHead).waited, "Held");
  clock.advanceMs(3'600'000);
  const auto confirmed = follow->applied(apply(kHead));
  ASSERT_TRUE(confirmed);
  EXPECT_FALSE(syncLatency(*confirmed));
  EXPECT_EQ(row(kHead).waited, "Held");
}

TEST_F(CommitClockTest, WhatPassesByItselfIsPartOfTheLatency) {
  follow->seen(kHead);
  for (const char* reason : {"RemoteUnreachable", "Timeout", "NoSpace", "WorkerFailed"}) follow->ended(reason);
  clock.advanceMs(90'000);
  const auto confirmed = follow->applied(apply(kHead));
  ASSERT_TRUE(confirmed);
  EXPECT_DOUBLE_EQ(syncLatency(*confirmed).value(), 90);
}

TEST_F(CommitClockTest, ASuspensionMarksWhatIsOnItsWayAndNothingElse) {
  follow->seen(kHead);  // is passed by before it is applied
  follow->seen(kNext);
  ASSERT_TRUE(store->suspend({"maintenance", clock.wall, 0}));
  clock.advanceMs(7'200'000);
  const auto confirmed = follow->applied(apply(kNext));
  ASSERT_TRUE(confirmed);
  EXPECT_EQ(confirmed->waited, "Suspended");
  EXPECT_EQ(row(kNext).waited, "Suspended");
  EXPECT_EQ(row(kHead).waited, "");
}

TEST_F(CommitClockTest, AFailureConfirmsNothingUntilItIsMended) {
  follow->seen(kHead);
  EXPECT_FALSE(follow->applied(apply(kHead, "Invalid")));
  EXPECT_EQ(row(kHead).waited, "Failed");
  EXPECT_EQ(row(kHead).generation, 1);
  EXPECT_EQ(row(kHead).confirmedUs, 0);
  const auto before = modified();
  EXPECT_FALSE(follow->applied({}));
  EXPECT_EQ(modified(), before);
  store->notes().unsettled.clear();
  const auto confirmed = follow->applied({});
  ASSERT_TRUE(confirmed);
  EXPECT_FALSE(syncLatency(*confirmed));
  follow->seen(kNext);
  EXPECT_FALSE(follow->applied(apply(kNext, "CutOff")));
  EXPECT_EQ(row(kNext).waited, "CutOff");
}

TEST_F(CommitClockTest, AClockThatIsSetRightIsNoLatency) {
  follow->seen(kHead);
  clock.wall += 1'000'000'000'000;  // by NTP
  clock.monotonic += 2'000'000'000;
  const auto confirmed = follow->applied(apply(kHead));
  ASSERT_TRUE(confirmed);
  EXPECT_DOUBLE_EQ(syncLatency(*confirmed).value(), 2);
  // Set back across a restart: there is nothing to tell it by.
  follow->seen(kNext);
  restart();
  clock.wall -= 500'000'000'000;
  follow->seen(kNext);
  const auto odd = follow->applied(apply(kNext));
  EXPECT_FALSE(odd && syncLatency(*odd));
}

TEST_F(CommitClockTest, RowsAreNewestFirstAndBounded) {
  for (int i = 0; i < 1010; ++i) {
    clock.advanceMs(1);
    ASSERT_TRUE(store->putCommitTimes({.commit = std::to_string(i), .seenUs = clock.wall}));
  }
  const auto all = store->commits(0, 5000).value();
  ASSERT_THAT(all, SizeIs(1000));
  EXPECT_EQ(all.front().commit, "1009");
  EXPECT_EQ(all.back().commit, "10");
  EXPECT_THAT(store->commits(clock.wall, 10).value(), SizeIs(1));
  EXPECT_THAT(store->commits(0, 7).value(), SizeIs(7));
}

TEST(SyncLatency, IsSummarisedByNearestRank) {
  std::vector<CommitTimes> commits;
  EXPECT_FALSE(summarise(commits));
  for (int i = 10; i >= 1; --i)
    commits.push_back({.commit = "c", .generation = i, .seenUs = 1'000'000, .confirmedUs = 1'000'000 + i * 1'000'000});
  commits.push_back({.commit = "w", .generation = 11, .seenUs = 1, .confirmedUs = 900'000'000, .waited = "Held"});
  commits.push_back({.commit = "n", .generation = 0, .seenUs = 1, .confirmedUs = 900'000'000});
  commits.push_back({.commit = "o", .generation = 12, .seenUs = 1});
  const auto summary = summarise(commits).value();
  EXPECT_EQ(summary.commits, 10u);
  EXPECT_DOUBLE_EQ(summary.p50, 5);
  EXPECT_DOUBLE_EQ(summary.p90, 9);
  EXPECT_DOUBLE_EQ(summary.max, 10);
}

// The tables of the version before, with a row in each that has a bearing on what happens next.
TEST_F(CommitClockTest, ADatabaseOfTheVersionBeforeIsTakenOver) {
  apply(kHead);
  ASSERT_TRUE(store->suspend({"maintenance", 1, 2}));
  ASSERT_TRUE(store->resume());
  ASSERT_TRUE(store->addDrift({5, "sysctl", "vm/a", "1", "0", "unknown", true}));
  follow.reset();
  store.reset();
  sqlite3* db = nullptr;
  ASSERT_EQ(::sqlite3_open((tree.path() + "/" + host::paths::stateDb).c_str(), &db), SQLITE_OK);
  ASSERT_EQ(::sqlite3_exec(db, "DROP TABLE commits; DROP TABLE sights; DROP TABLE acceptances; PRAGMA user_version = 1",
                           nullptr, nullptr, nullptr),
            SQLITE_OK);
  ::sqlite3_close(db);

  store = open(Store::Access::readOnly);  // by a command line that is newer than the daemon
  EXPECT_EQ(store->latest(GenerationState::applied).value()->commit, kHead);
  EXPECT_THAT(store->commits(0, 10).value(), IsEmpty());
  EXPECT_FALSE(store->commitTimes(kHead).value());
  EXPECT_THAT(store->sights().value(), IsEmpty());
  EXPECT_THAT(store->acceptances(10).value(), IsEmpty());

  store = open();
  EXPECT_EQ(store->repairNote(), "");
  EXPECT_EQ(store->latest(GenerationState::applied).value()->commit, kHead);
  EXPECT_THAT(store->drift(0, 10).value(), SizeIs(1));
  EXPECT_EQ(store->nextNumber().value(), 2);
  ASSERT_TRUE(store->putCommitTimes({.commit = kHead, .seenUs = 3}));
  store = open(Store::Access::readOnly);
  EXPECT_THAT(store->commits(0, 10).value(), SizeIs(1));
}

}  // namespace
}  // namespace bedplate::apply
