#include "agent/apply/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>

#include "agent/apply/generations.h"
#include "agent/apply/held_file.h"
#include "tests/lib/temp_tree.h"
#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct StoreTest : testing::Test {
  testlib::TempTree tree;
  testlib::FakeClock clock;

  Store open(Store::Access access = Store::Access::readWrite) {
    auto store = Store::open(tree.files(), clock, access);
    if (!store) throw std::runtime_error(store.error().text());
    return std::move(*store);
  }
  host::Error refused(Store::Access access) {
    auto store = Store::open(tree.files(), clock, access);
    return store ? host::Error{"opened", 0, "", "", ""} : store.error();
  }
  void sql(const char* text) {
    sqlite3* db = nullptr;
    ASSERT_EQ(::sqlite3_open((tree.path() + "/" + host::paths::stateDb).c_str(), &db), SQLITE_OK);
    ASSERT_EQ(::sqlite3_exec(db, text, nullptr, nullptr, nullptr), SQLITE_OK);
    ::sqlite3_close(db);
  }
  std::vector<std::string> stateFiles() { return tree.files().list(host::paths::stateDir, 100).value(); }
};

Generation generation(const std::string& digest) {
  Generation row;
  row.commit = std::string(40, 'c');
  row.subject = "it's \"quoted\"";
  row.tree = std::string(40, '7');
  row.digest = digest;
  row.cause = "commit";
  row.bootId = "boot-1";
  return row;
}

Outcome outcome(const std::string& subject, bool failed) {
  Outcome out;
  out.change = {plan::Action::setSysctl, subject, "0", "1", "cluster sysctl.d/a.conf:1", "note"};
  if (failed) out.error = host::Error{"Invalid", 22, "/proc/sys/" + subject, "cannot write", "do it otherwise"};
  return out;
}

TEST_F(StoreTest, AGenerationComesBackAsItWasWritten) {
  Store store = open();
  EXPECT_EQ(store.nextNumber().value(), 1);
  const auto number = store.begin(generation("d1"));
  ASSERT_EQ(number.value(), 1);
  EXPECT_EQ(store.latest(GenerationState::applying).value()->attempts, 1);
  ASSERT_TRUE(store.beganAgain(1, "boot-2"));
  clock.advanceMs(1000);
  ASSERT_TRUE(store.finish(1, GenerationState::applied, "", {outcome("vm/a", false), outcome("vm/b", true)}));

  Store again = open(Store::Access::readOnly);
  const auto row = again.latest(GenerationState::applied).value();
  ASSERT_TRUE(row);
  EXPECT_EQ(row->number, 1);
  EXPECT_EQ(row->subject, "it's \"quoted\"");
  EXPECT_EQ(row->bootId, "boot-2");
  EXPECT_EQ(row->attempts, 2);
  EXPECT_EQ(row->finishedUs - row->startedUs, 1'000'000);
  ASSERT_THAT(row->outcomes, SizeIs(2));
  EXPECT_EQ(row->outcomes[0].change.origin, "cluster sysctl.d/a.conf:1");
  EXPECT_FALSE(row->outcomes[0].error);
  ASSERT_TRUE(row->outcomes[1].error);
  EXPECT_EQ(row->outcomes[1].error->text(), "/proc/sys/vm/b: cannot write: do it otherwise");
  EXPECT_EQ(row->outcomes[1].error->errnum, 22);
  EXPECT_FALSE(again.latest(GenerationState::applying).value());
  EXPECT_EQ(again.nextNumber().value(), 2);
}

TEST_F(StoreTest, ANumberIsNeverUsedTwice) {
  Store store = open();
  ASSERT_TRUE(store.begin(generation("a")));
  ASSERT_TRUE(store.begin(generation("b")));
  ASSERT_TRUE(store.forget(2));
  EXPECT_EQ(store.begin(generation("c")).value(), 3);
  const auto history = store.history(10).value();
  ASSERT_THAT(history, SizeIs(2));
  EXPECT_EQ(history[0].number, 3);
  EXPECT_EQ(history[1].number, 1);
}

TEST_F(StoreTest, OutcomesCanBeReplacedWithoutEndingAnything) {
  Store store = open();
  ASSERT_TRUE(store.begin(generation("a")));
  ASSERT_TRUE(store.finish(1, GenerationState::applied, "", {outcome("vm/a", true)}));
  ASSERT_TRUE(store.setOutcomes(1, {outcome("vm/a", false)}));
  EXPECT_FALSE(store.generation(1).value()->outcomes.at(0).error);
}

TEST_F(StoreTest, TheFirstOriginalIsKeptAndOutlivesTheDatabase) {
  {
    Store store = open();
    plan::Held first;
    first.sysctls["vm/a"] = {"60", "boot-1"};
    first.files["etc/rancher/k3s/config.yaml"] = {true, 0640, 1, 2, plan::sha256("x"), plan::Area::k3sConfig};
    ASSERT_TRUE(store.take(first));
    plan::Held second;
    second.sysctls["vm/a"] = {"10", "boot-2"};
    second.sysctls["vm/b"] = {"4096\t16384", "boot-2"};
    ASSERT_TRUE(store.take(second));
  }
  tree.write(host::paths::stateDb, std::string(8192, 'x'));
  Store store = open();
  const auto held = store.held().value();
  EXPECT_EQ(held.sysctls.at("vm/a"), (plan::SysctlOriginal{"60", "boot-1"}));
  EXPECT_EQ(held.sysctls.at("vm/b").value, "4096\t16384");
  EXPECT_EQ(held.files.at("etc/rancher/k3s/config.yaml").mode, 0640u);
  ASSERT_TRUE(store.drop({"vm/a", "vm/none"}, {"etc/rancher/k3s/config.yaml"}));
  EXPECT_THAT(store.held().value().sysctls, SizeIs(1));
  EXPECT_THAT(readHeld(tree.files()).value().files, IsEmpty());
  EXPECT_EQ(tree.files().info(host::paths::held).value().mode, 0600u);
}

TEST_F(StoreTest, NothingNewToHoldWritesNothing) {
  Store store = open();
  plan::Held held;
  held.sysctls["vm/a"] = {"60", "boot-1"};
  ASSERT_TRUE(store.take(held));
  const auto before = tree.files().info(host::paths::held).value();
  ASSERT_TRUE(store.take(held));
  ASSERT_TRUE(store.drop({"vm/other"}, {}));
  EXPECT_EQ(tree.files().info(host::paths::held).value(), before);
}

TEST(HeldFile, RefusesWhatIsNotWhole) {
  plan::Held held;
  held.sysctls["net/ipv4/tcp_rmem"] = {"4096 131072 6291456", "boot"};
  held.sysctls["odd"] = {"a%b\nc\x7f", ""};
  held.files["a b"] = {true, 0600, 0, 0, plan::sha256("x"), plan::Area::k3sConfig};
  held.files["c"] = {false, 0, 0, 0, "", plan::Area::manifest};
  const std::string text = heldText(held);
  const auto back = parseHeld(text).value();
  EXPECT_EQ(back.sysctls, held.sysctls);
  EXPECT_EQ(back.files, held.files);
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    const auto result = parseHeld(text.substr(0, cut));
    ASSERT_FALSE(result) << cut;
    EXPECT_EQ(result.error().reason, "Corrupt");
  }
  for (const char* line : {"sysctl\tk\tb\n", "file\tp\tconfig\tpresent\n", "file\tp\tconfig\t9\t0\t0\tab\n", "what\n",
                           "file\tp\tother\tabsent\n", "sysctl\tk%\tb\tv\n"})
    EXPECT_FALSE(parseHeld("bedplate held 1\n" + std::string(line) + "end\n")) << line;
  EXPECT_FALSE(parseHeld(text + "more\n"));
}

TEST_F(StoreTest, ADamagedDatabaseIsKeptAsideAndRebuiltFromTheGenerationsOnDisk) {
  plan::Target target;
  target.commit = std::string(40, 'c');
  target.node = {"web-01", "server", "oslo"};
  target.files = {{plan::Area::k3sConfig, "etc/rancher/k3s/config.yaml", "k3s/config.yaml", "cluster", 0600,
                   plan::sha256("x"), std::make_shared<const std::string>("x")}};
  ASSERT_TRUE(Generations(tree.files()).write(3, target));
  target.files[0].sha256 = plan::sha256("y");
  tree.write("var/lib/bedplate/generations/4/target.json", plan::toJson(target));  // its content is not there
  tree.write("var/lib/bedplate/generations/5/target.json", "{}");
  tree.write(host::paths::stateDb, std::string(4096, 'x'));
  tree.write(std::string(host::paths::stateDb) + "-journal", "old journal");

  Store store = open();
  EXPECT_THAT(store.repairNote(), HasSubstr("damaged"));
  EXPECT_THAT(store.repairNote(), HasSubstr("state.db.corrupt-2026-09-21T"));
  const auto history = store.history(10).value();
  ASSERT_THAT(history, SizeIs(1));
  EXPECT_EQ(history[0].number, 3);
  EXPECT_EQ(history[0].state, GenerationState::applied);
  EXPECT_EQ(history[0].commit, target.commit);
  EXPECT_EQ(store.latch().value()->name, "web-01");
  EXPECT_EQ(store.nextNumber().value(), 4);
  int aside = 0;
  for (const auto& name : stateFiles()) aside += name.find("state.db.corrupt-") == 0 ? 1 : 0;
  EXPECT_GE(aside, 1);
  EXPECT_FALSE(tree.exists(std::string(host::paths::stateDb) + "-journal"));
  EXPECT_EQ(open().repairNote(), "");
}

TEST_F(StoreTest, DamageInTheMiddleIsFoundWhenItIsOpened) {
  {
    open();
  }
  sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) "
      "INSERT INTO samples SELECT i, i, 'disk', hex(zeroblob(100)) FROM n");
  std::string bytes = tree.read(host::paths::stateDb);
  for (std::size_t at = 8192; at + 512 < bytes.size(); at += 4096) bytes.replace(at, 512, std::string(512, '\xee'));
  tree.write(host::paths::stateDb, bytes);
  EXPECT_THAT(open().repairNote(), HasSubstr("made anew"));
}

TEST_F(StoreTest, ANewerDatabaseIsRefusedAndLeftAsItIs) {
  {
    open();
  }
  sql("PRAGMA user_version = 7");
  const std::string bytes = tree.read(host::paths::stateDb);
  for (const auto access : {Store::Access::readWrite, Store::Access::readOnly}) {
    const auto error = refused(access);
    EXPECT_EQ(error.reason, "Newer");
    EXPECT_THAT(error.text(), HasSubstr("schema 7"));
  }
  EXPECT_EQ(tree.read(host::paths::stateDb), bytes);
}

TEST_F(StoreTest, ReadingChangesNothing) {
  EXPECT_EQ(refused(Store::Access::readOnly).reason, "NotFound");
  EXPECT_FALSE(tree.exists(host::paths::stateDir));
  {
    ASSERT_TRUE(open().suspend({"upgrade", 5, 9}));
  }
  const auto before = stateFiles();
  const auto info = tree.files().info(host::paths::stateDb).value();
  Store store = open(Store::Access::readOnly);
  EXPECT_EQ(store.suspension().value()->reason, "upgrade");
  EXPECT_FALSE(store.suspend({"x", 0, 0}));
  EXPECT_EQ(stateFiles(), before);
  EXPECT_EQ(tree.files().info(host::paths::stateDb).value(), info);
  EXPECT_EQ(info.mode, 0644u);
}

TEST_F(StoreTest, ADamagedDatabaseIsAnErrorForAReader) {
  tree.write(host::paths::stateDb, std::string(4096, 'x'));
  EXPECT_EQ(refused(Store::Access::readOnly).reason, "Corrupt");
  EXPECT_EQ(tree.read(host::paths::stateDb), std::string(4096, 'x'));
}

TEST_F(StoreTest, DriftIsNewestFirstAndCounted) {
  Store store = open();
  for (int i = 1; i <= 3; ++i)
    ASSERT_TRUE(store.addDrift({i * 10, "sysctl", "vm/a", std::to_string(i), "0", "unknown", i == 3}));
  const auto events = store.drift(20, 10).value();
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].from, "3");
  EXPECT_TRUE(events[0].repaired);
  EXPECT_FALSE(events[1].repaired);
  EXPECT_EQ(store.driftCount(0).value(), 3);
  EXPECT_THAT(store.drift(0, 1).value(), SizeIs(1));
}

TEST_F(StoreTest, SamplesAreKeptForAMonth) {
  constexpr std::int64_t kDay = std::int64_t{24} * 3'600'000'000;
  Store store = open();
  ASSERT_TRUE(store.addSample({kDay, "disk", "old"}));
  ASSERT_TRUE(store.addSample({kDay, "steal", "of another probe"}));
  ASSERT_TRUE(store.addSample({20 * kDay, "disk", "{}"}));
  EXPECT_THAT(store.samples("disk", 0, 10).value(), SizeIs(2));
  ASSERT_TRUE(store.addSample({33 * kDay, "disk", "new"}));
  const auto samples = store.samples("disk", 0, 10).value();
  ASSERT_THAT(samples, SizeIs(2));
  EXPECT_EQ(samples[0].json, "new");
  EXPECT_EQ(samples[1].wallUs, 20 * kDay);
  EXPECT_THAT(store.samples("steal", 0, 10).value(), SizeIs(1));
  EXPECT_EQ(store.addSample({34 * kDay, "disk", std::string((64 << 10) + 1, 'x')}).error().reason, "TooLarge");
}

TEST_F(StoreTest, SettingsOfBenchmarksAreRememberedAndWrittenOnce) {
  cluster::NodeConfig::Benchmark wanted;
  wanted.diskEveryMs = 600'000;
  wanted.diskP99LimitMs = 5;
  wanted.stealLimit = 0.075;
  {
    Store store = open();
    EXPECT_EQ(store.benchmark().value(), cluster::NodeConfig::Benchmark{});
    ASSERT_TRUE(store.setBenchmark(wanted));
  }
  const auto before = tree.files().info(host::paths::stateDb).value();
  Store store = open();
  EXPECT_EQ(store.benchmark().value(), wanted);
  ASSERT_TRUE(store.setBenchmark(wanted));
  EXPECT_EQ(tree.files().info(host::paths::stateDb).value(), before);
  sql("UPDATE settings SET value = '5 x -7' WHERE name = 'benchmark'");
  wanted = {};
  wanted.diskEveryMs = 5;
  EXPECT_EQ(store.benchmark().value(), wanted);
}

TEST_F(StoreTest, SuspensionHoldBadTreesAndLatchAreRemembered) {
  Store store = open();
  EXPECT_FALSE(store.suspension().value());
  EXPECT_FALSE(store.latch().value());
  ASSERT_TRUE(store.suspend({"maintenance", 1, 2}));
  ASSERT_TRUE(store.setHold("tree-1"));
  ASSERT_TRUE(store.setBad("tree-2", "panicked"));
  ASSERT_TRUE(store.setLatch({"web-01", "server", "oslo"}));
  ASSERT_TRUE(store.setRecoveredBoot("boot-1"));
  EXPECT_EQ(store.suspension().value()->untilUs, 2);
  EXPECT_EQ(store.hold().value(), "tree-1");
  EXPECT_EQ(store.bad("tree-2").value(), "panicked");
  EXPECT_FALSE(store.bad("tree-1").value());
  ASSERT_TRUE(store.clearHold());
  EXPECT_FALSE(store.hold().value());
  ASSERT_TRUE(store.setHold("tree-1"));
  ASSERT_TRUE(store.resume());
  EXPECT_FALSE(store.suspension().value());
  EXPECT_FALSE(store.hold().value());
  EXPECT_FALSE(store.bad("tree-2").value());
  EXPECT_EQ(store.latch().value(), (Latch{"web-01", "server", "oslo"}));
  EXPECT_EQ(store.recoveredBoot().value(), "boot-1");
}

TEST_F(StoreTest, TheLockHasOneHolderAndNamesIt) {
  auto first = lockState(tree.files());
  ASSERT_TRUE(first);
  const auto second = lockState(tree.files());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason, "Busy");
  EXPECT_THAT(second.error().why, HasSubstr("process " + std::to_string(::getpid())));
  first->reset();
  EXPECT_TRUE(lockState(tree.files()));
}

TEST_F(StoreTest, GenerationsShareContentsAndPruneKeepsWhatIsNamed) {
  Generations generations(tree.files());
  plan::Target target;
  const auto add = [&](const std::string& name, const std::string& content) {
    target.files.push_back({plan::Area::manifest, std::string(host::paths::k3sManifests) + "/" + name, "m", "cluster",
                            0600, plan::sha256(content), std::make_shared<const std::string>(content)});
  };
  add("a.yaml", "same");
  add("b.yaml", "old");
  ASSERT_TRUE(generations.write(1, target));
  const std::string same = std::string(host::paths::generationBlobs) + "/" + plan::sha256("same");
  const auto before = tree.files().info(same).value();
  EXPECT_EQ(before.mode, 0600u);
  target.files[1].sha256 = plan::sha256("new");
  target.files[1].content = std::make_shared<const std::string>("new");
  target.files[0].content = nullptr;  // it is there already
  ASSERT_TRUE(generations.write(2, target));
  EXPECT_EQ(tree.files().info(same).value(), before);
  EXPECT_THAT(generations.numbers().value(), ElementsAre(1, 2));
  EXPECT_EQ(*generations.content(plan::sha256("new")).value(), "new");

  generations.prune({2});
  EXPECT_THAT(generations.numbers().value(), ElementsAre(2));
  EXPECT_TRUE(generations.complete(generations.read(2).value()));
  EXPECT_THAT(tree.files().list(host::paths::generationBlobs, 10).value(), SizeIs(2));
  tree.write(same, "damaged");
  EXPECT_EQ(generations.content(plan::sha256("same")).error().reason, "Corrupt");
  target.files[0].sha256 = plan::sha256("never seen");
  EXPECT_EQ(generations.write(3, target).error().reason, "Corrupt");
}

}  // namespace
}  // namespace bedplate::apply
