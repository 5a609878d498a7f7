// The process is killed, or the power goes, at every change while keys that can cut the node off are set and taken
// back.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/power_cut_files.h"
#include "tests/unit/apply/fake_reach.h"
#include "tests/unit/apply/node.h"

namespace bedplate::apply {
namespace {

using testing_node::bootKernel;
using testing_node::FakeReach;
using testing_node::makeNode;
using testing_node::Process;
using testing_node::systemdAtBoot;
using testing_node::TargetBuilder;
using testlib::Loss;
using testlib::PowerCutFiles;

constexpr const char* kAll = "net/ipv4/conf/all/rp_filter";
constexpr const char* kEth0 = "net/ipv4/conf/eth0/rp_filter";

plan::Target first() { return TargetBuilder("first").sysctl(kEth0, "2").sysctl("vm/swappiness", "20").target; }

plan::Target second() {
  TargetBuilder builder("second");
  builder.sysctl(kEth0, "1").sysctl(kAll, "1").sysctl("vm/swappiness", "10");
  return builder.manifest("a.yaml", "kind: A\n").target;
}

struct GroupCrash : testing::TestWithParam<std::tuple<bool, Loss>> {
  testlib::FakeClock clock;

  static std::string value(testlib::TempTree& tree, const std::string& key) {
    return sysctl::normaliseValue(tree.read("proc/sys/" + key));
  }
  // With `cuts` strict filtering on eth0 is what nobody answers through.
  static FakeReach network(testlib::TempTree& tree, bool cuts) {
    return FakeReach([&tree, cuts] { return !cuts || value(tree, kEth0) != "1"; });
  }
  // False when it came to its end before change k.
  bool crashes(testlib::TempTree& tree, bool cuts, int k, Loss loss) {
    const pid_t child = ::fork();
    if (child == 0) {
      PowerCutFiles files(tree);
      FakeReach reach = network(tree, cuts);
      Process process(tree, clock, files, &reach);
      files.cutAt(k, loss);
      ::_exit(process.keeper.apply(second(), "commit") ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 1);
    return WIFEXITED(status) && WEXITSTATUS(status) == PowerCutFiles::kExitStatus;
  }
};

TEST_P(GroupCrash, TheNextStartConfirmsItOrTakesItBack) {
  const auto [cuts, loss] = GetParam();
  testlib::TempTree prepared;
  makeNode(prepared);
  {
    FakeReach reach = network(prepared, cuts);
    Process process(prepared, clock, prepared.files(), &reach);
    ASSERT_TRUE(process.keeper.apply(first(), "commit"));
  }
  int k = 1;
  int inBetween = 0;
  for (;; ++k) {
    SCOPED_TRACE("change " + std::to_string(k));
    testlib::TempTree tree;
    std::filesystem::copy(prepared.path(), tree.path(),
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
    if (!crashes(tree, cuts, k, loss)) break;
    inBetween += value(tree, kEth0) == "1";
    if (loss != Loss::nothing) {
      bootKernel(tree, "boot-2");
      systemdAtBoot(tree);
      EXPECT_NE(value(tree, kEth0), cuts ? "1" : "") << "what was not confirmed is in the boot file";
    }
    FakeReach reach = network(tree, cuts);
    Process process(tree, clock, tree.files(), &reach);
    const auto recovered = process.keeper.recover();
    ASSERT_TRUE(recovered) << recovered.error().text();
    EXPECT_FALSE(process.store.openGroup().value());
    EXPECT_FALSE(process.store.latest(GenerationState::applying).value());
    const auto row = process.store.history(1).value().at(0);
    const bool through = row.number == 2 && row.state == GenerationState::applied;
    EXPECT_EQ(value(tree, "vm/swappiness"), through ? "10" : "20");
    EXPECT_EQ(value(tree, kEth0), through && !cuts ? "1" : "2");
    EXPECT_EQ(value(tree, kAll), through && !cuts ? "1" : "0");
    if (loss != Loss::nothing) {
      EXPECT_EQ(reach.looks, 0) << "the network was looked at in a boot";
    }

    PowerCutFiles files(tree);
    Process again(tree, clock, files, &reach);
    ASSERT_TRUE(again.keeper.recover());
    EXPECT_EQ(files.changes(), 0) << "the second recovery changed something";
    // Until Git says something better.
    const auto better = again.keeper.apply(first(), "commit");
    ASSERT_TRUE(better);
    EXPECT_FALSE(better->failed());
    EXPECT_EQ(value(tree, kEth0), "2");
    if (HasFailure()) break;
  }
  EXPECT_GT(k, 10) << "hardly anything was cut";
  EXPECT_GT(inBetween, 0) << "never between the group and the look at the network";
}

INSTANTIATE_TEST_SUITE_P(EveryChange, GroupCrash,
                         testing::Combine(testing::Bool(), testing::Values(Loss::nothing, Loss::contents, Loss::all)));

}  // namespace
}  // namespace bedplate::apply
