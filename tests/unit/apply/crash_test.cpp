// Every change to the disk, one after the other, is where the power goes. After the restart nothing may be lost,
// nothing mixed, and everything must be able to go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "agent/apply/held_file.h"
#include "tests/lib/power_cut_files.h"
#include "tests/unit/apply/node.h"

namespace bedplate::apply {
namespace {

using testing_node::bootKernel;
using testing_node::kBridge;
using testing_node::kConfig;
using testing_node::kernelDefaults;
using testing_node::kHandMade;
using testing_node::makeNode;
using testing_node::Process;
using testing_node::systemdAtBoot;
using testing_node::TargetBuilder;
using testing_node::view;
using testlib::Loss;
using testlib::PowerCutFiles;

plan::Target first() {
  TargetBuilder builder("first");
  builder.sysctl("vm/swappiness", "10").sysctl("net/ipv4/conf/*/rp_filter", "2").sysctl(kBridge, "1");
  builder.module("br_netfilter").config("node-name: web-01\n").sealed("first: secret\n");
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h", "i"})
    builder.manifest(std::string(name) + ".yaml", std::string("first ") + name + std::string(100, '.'));
  return builder.target;
}

// Something is changed, something comes, something goes.
plan::Target second() {
  TargetBuilder builder("second");
  builder.sysctl("vm/swappiness", "20").sysctl("vm/max_map_count", "262144").sysctl(kBridge, "1");
  builder.module("br_netfilter").sealed("second: secret\n");
  for (const char* name : {"b", "c", "x"})
    builder.manifest(std::string(name) + ".yaml", std::string("second ") + name + std::string(100, ','));
  return builder.target;
}

using Action = std::function<host::Result<RunResult>(Keeper&)>;

struct Scenario {
  const char* name;
  std::vector<plan::Target> before;  // applied one after the other, undisturbed
  Action action;
  bool release;
};

Action applying(const plan::Target& target) {
  return [target](Keeper& keeper) { return keeper.apply(target, "commit"); };
}

std::vector<Scenario> scenarios() {
  return {{"first apply", {}, applying(first()), false},
          {"change", {first()}, applying(second()), false},
          {"removal of everything", {first()}, applying(plan::Target{}), false},
          {"release", {first()}, [](Keeper& keeper) { return keeper.release(); }, true},
          {"recovery after a reboot", {first()}, [](Keeper& keeper) { return keeper.recover(); }, false}};
}

void copyTree(const testlib::TempTree& from, testlib::TempTree& to) {
  std::filesystem::copy(from.path(), to.path(),
                        std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
}

// Runs it in a child that loses power at change k. False when it came to its end before.
bool crashes(testlib::TempTree& tree, testlib::FakeClock& clock, const Action& action, int k, Loss loss) {
  const pid_t child = ::fork();
  if (child == 0) {
    PowerCutFiles files(tree);
    Process process(tree, clock, files);
    files.cutAt(k, loss);
    const auto result = action(process.keeper);
    ::_exit(result ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_NE(WEXITSTATUS(status), 1);
  return WEXITSTATUS(status) == PowerCutFiles::kExitStatus;
}

using View = std::map<std::string, std::string>;

View filesOf(View all) {
  std::erase_if(all, [](const auto& entry) { return entry.first[0] != 'e' && entry.first.compare(0, 4, "var/") != 0; });
  return all;
}

struct Crash : testing::TestWithParam<std::tuple<int, Loss>> {
  testlib::FakeClock clock;

  // Each file is one of the versions that there ever were; a half one is none.
  void expectWholeFiles(const View& now, const View& a, const View& b) {
    for (const auto& [path, content] : now) {
      if (path.find("rancher") == std::string::npos) continue;
      const bool old = a.contains(path) && a.at(path) == content;
      const bool fresh = b.contains(path) && b.at(path) == content;
      EXPECT_TRUE(old || fresh) << path << " is neither old nor new: " << content;
    }
  }

  // What was there before Bedplate is in its place or kept.
  void expectOriginals(testlib::TempTree& tree) {
    const auto held = readHeld(tree.files());
    ASSERT_TRUE(held) << held.error().text();
    for (const auto& [key, original] : held->sysctls) {
      const auto known = kernelDefaults().find(key);
      EXPECT_EQ(original.value, known == kernelDefaults().end() ? "0" : known->second) << key;
    }
    for (const auto& [key, value] : kernelDefaults())
      if (sysctl::normaliseValue(tree.read("proc/sys/" + key)) != value) {
        EXPECT_TRUE(held->sysctls.contains(key)) << key << " has another value and no original";
      }
    const std::string kept = std::string(host::paths::originals) + "/" + plan::sha256(kHandMade);
    if (tree.read(kConfig) != kHandMade) {
      EXPECT_EQ(tree.read(kept), kHandMade) << "the original is lost";
    }
  }
};

TEST_P(Crash, IsRecoveredFromAtEveryChange) {
  const auto [index, loss] = GetParam();
  const Scenario scenario = scenarios()[static_cast<std::size_t>(index)];
  const bool newBoot = loss != Loss::nothing;
  const bool rebootFirst = std::string(scenario.name) == "recovery after a reboot";

  testlib::TempTree prepared;
  makeNode(prepared);
  {
    Process process(prepared, clock, prepared.files());
    for (const auto& target : scenario.before) ASSERT_TRUE(process.keeper.apply(target, "commit"));
  }
  if (rebootFirst) {
    bootKernel(prepared, "boot-1b");  // and systemd has not read the boot files: as much as possible is to be done
    prepared.write(std::string(host::paths::k3sManifests) + "/a.yaml", "first a" + std::string(100, '.'));
    prepared.remove(std::string(host::paths::k3sManifests) + "/b.yaml");
  }
  View before = view(prepared);
  testlib::TempTree undisturbed;
  copyTree(prepared, undisturbed);
  {
    Process process(undisturbed, clock, undisturbed.files());
    ASSERT_TRUE(scenario.action(process.keeper));
  }
  const View after = view(undisturbed);
  ASSERT_NE(before, after);
  if (rebootFirst) before = after;  // there is but one state to go to

  int k = 1;
  for (;; ++k) {
    SCOPED_TRACE(std::string(scenario.name) + ", change " + std::to_string(k));
    testlib::TempTree tree;
    copyTree(prepared, tree);
    if (!crashes(tree, clock, scenario.action, k, loss)) break;
    if (!rebootFirst) expectWholeFiles(view(tree), before, after);
    expectOriginals(tree);
    if (newBoot) {
      bootKernel(tree, "boot-2");
      systemdAtBoot(tree);
    }
    PowerCutFiles files(tree);
    bool mayBeOld = true;
    {
      Process process(tree, clock, files);
      const auto rows = process.store.history(1).value();
      mayBeOld = rows.empty() || rows[0].cause != "release";
      const auto recovered = process.keeper.recover();
      ASSERT_TRUE(recovered) << recovered.error().text();
      EXPECT_FALSE(recovered->failed());
      EXPECT_FALSE(process.store.latest(GenerationState::applying).value()) << "a generation is left open";
    }
    const View now = view(tree);
    EXPECT_TRUE(now == after || (mayBeOld && now == before)) << testing::PrintToString(now);
    if (newBoot && !rebootFirst && now == after) {
      EXPECT_TRUE(Process(tree, clock, files).store.history(1).value()[0].state == GenerationState::applied);
    }
    expectOriginals(tree);

    const int changes = files.changes();
    Process again(tree, clock, files);
    const auto second = again.keeper.recover();
    ASSERT_TRUE(second);
    EXPECT_TRUE(second->outcomes.empty());
    EXPECT_EQ(files.changes(), changes) << "the second recovery changed something";

    // And it can go on: there, and all the way back.
    ASSERT_TRUE(scenario.action(again.keeper));
    // In another boot a key that is no longer wanted is left as it is (design section 8).
    if (newBoot) {
      EXPECT_EQ(filesOf(view(tree)), filesOf(after));
    } else {
      EXPECT_EQ(view(tree), after);
    }
    ASSERT_TRUE(again.keeper.apply(first(), "commit"));
    const auto back = again.keeper.apply(plan::Target{}, "commit");
    ASSERT_TRUE(back);
    EXPECT_FALSE(back->failed());
    if (!scenario.release) {
      EXPECT_EQ(tree.read(kConfig), kHandMade);
    }
    if (!newBoot && !rebootFirst) {
      EXPECT_EQ(tree.read("proc/sys/vm/swappiness"), "60\n");
    }
    if (HasFailure()) break;
  }
  EXPECT_GT(k, 5) << "hardly anything was cut";
  RecordProperty("cuts", k - 1);
}

INSTANTIATE_TEST_SUITE_P(EveryChange, Crash,
                         testing::Combine(testing::Range(0, 5),
                                          testing::Values(Loss::nothing, Loss::contents, Loss::all)));

struct RecoveryCrash : Crash {};

TEST_P(RecoveryCrash, IsRecoveredFromTwice) {
  const auto [step, loss] = GetParam();
  testlib::TempTree prepared;
  makeNode(prepared);
  {
    Process process(prepared, clock, prepared.files());
    ASSERT_TRUE(process.keeper.apply(first(), "commit"));
  }
  const View before = view(prepared);
  testlib::TempTree crashed;
  copyTree(prepared, crashed);
  ASSERT_TRUE(crashes(crashed, clock, applying(second()), step, loss));
  if (loss != Loss::nothing) {
    bootKernel(crashed, "boot-2");
    systemdAtBoot(crashed);
  }
  for (int k = 1;; ++k) {
    SCOPED_TRACE("change " + std::to_string(k) + " of the recovery");
    testlib::TempTree tree;
    copyTree(crashed, tree);
    if (!crashes(tree, clock, [](Keeper& keeper) { return keeper.recover(); }, k, loss)) break;
    expectOriginals(tree);
    if (loss != Loss::nothing) {
      bootKernel(tree, "boot-3");
      systemdAtBoot(tree);
    }
    Process process(tree, clock, tree.files());
    const auto recovered = process.keeper.recover();
    ASSERT_TRUE(recovered) << recovered.error().text();
    EXPECT_FALSE(recovered->failed());
    // Twice interrupted, or interrupted by a reboot: back; unless it was through before.
    const auto row = process.store.history(1).value().at(0);
    if (row.state == GenerationState::rolledBack || row.number == 1) {
      EXPECT_EQ(view(tree), before);
    }
    EXPECT_NE(row.state, GenerationState::applying);
    expectOriginals(tree);
    ASSERT_TRUE(process.keeper.apply(second(), "commit"));
    const auto back = process.keeper.apply(plan::Target{}, "commit");
    ASSERT_TRUE(back);
    EXPECT_EQ(tree.read(kConfig), kHandMade);
    if (HasFailure()) break;
  }
}

INSTANTIATE_TEST_SUITE_P(EveryChange, RecoveryCrash,
                         testing::Combine(testing::Values(5, 15, 25, 30, 34, 38),
                                          testing::Values(Loss::nothing, Loss::contents, Loss::all)));

struct FullDisk : Crash {};

TEST_P(FullDisk, ChangesNothingOrSaysWhatItCouldNot) {
  const auto [index, ignored] = GetParam();
  static_cast<void>(ignored);
  const Scenario scenario = scenarios()[static_cast<std::size_t>(index)];
  testlib::TempTree prepared;
  makeNode(prepared);
  {
    Process process(prepared, clock, prepared.files());
    for (const auto& target : scenario.before) ASSERT_TRUE(process.keeper.apply(target, "commit"));
  }
  const View before = view(prepared);
  for (const int errnum : {ENOSPC, EROFS, EIO}) {
    for (int k = 1;; ++k) {
      SCOPED_TRACE(std::string(scenario.name) + ", errno " + std::to_string(errnum) + " from change " +
                   std::to_string(k));
      testlib::TempTree tree;
      copyTree(prepared, tree);
      PowerCutFiles files(tree);
      Process process(tree, clock, files);
      files.failAt(k, errnum, true);
      const auto result = scenario.action(process.keeper);
      if (files.changes() < k) break;
      if (!result) {
        EXPECT_EQ(view(tree), before) << result.error().text();
        EXPECT_THAT(result.error().reason, testing::AnyOf("NoSpace", "ReadOnly", "Io"));
      }
      expectOriginals(tree);
      files.failAt(0, 0, false);
      clock.advanceMs(120'000);
      const auto again = scenario.action(process.keeper);
      ASSERT_TRUE(again) << again.error().text();
      EXPECT_FALSE(again->failed());
      expectOriginals(tree);
      if (HasFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryChange, FullDisk, testing::Combine(testing::Range(0, 3), testing::Values(Loss::nothing)));

}  // namespace
}  // namespace bedplate::apply
