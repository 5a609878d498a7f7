// Manifests that are kept from K3s after a boot until Git was heard.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/power_cut_files.h"
#include "tests/unit/apply/keeper_fixture.h"

namespace bedplate::apply {
namespace {

using testing_node::bootKernel;
using testing_node::full;
using testing_node::KeeperTest;
using testing_node::kManifestA;
using testing_node::makeNode;
using testing_node::Process;
using testlib::Loss;
using testlib::PowerCutFiles;

constexpr const char* kManifestB = "var/lib/rancher/k3s/server/manifests/bedplate/b.yaml";

plan::Target ofAWriter() {
  plan::Target target = full();
  target.parks = true;
  return target;
}

struct Park : KeeperTest {
  void expectThere(bool there) {
    EXPECT_EQ(tree.exists(kManifestA), there);
    EXPECT_EQ(tree.exists(kManifestB), there);
  }
};

TEST_F(Park, ComeBackWithGitsWordAndThatIsNoDrift) {
  apply(ofAWriter());
  reboot("boot-2");
  expectThere(false);
  repair();
  start();
  recover();  // the agent alone, in the same boot
  repair();
  expectThere(false);
  ASSERT_TRUE(process->keeper.unpark());
  repair();
  expectThere(true);
  EXPECT_EQ(driftCount(), 0);
  start();
  recover();
  expectThere(true);
}

TEST_F(Park, ComeBackWithANewCommitToo) {
  apply(ofAWriter());
  reboot("boot-2");
  ASSERT_TRUE(process->keeper.unpark());
  plan::Target other = ofAWriter();
  other.sysctls.at(0).rule.value = "11";
  apply(other);
  expectThere(true);
  EXPECT_EQ(driftCount(), 0);
}

// K3s's configuration may be put back before Git was heard: nothing else comes with it.
TEST_F(Park, StayWhereSomethingElseIsApplied) {
  apply(ofAWriter());
  reboot("boot-2");
  plan::Target other = ofAWriter();
  std::erase_if(other.files, [](const auto& file) { return file.area == plan::Area::k3sConfig; });
  ASSERT_TRUE(process->keeper.apply(other, "k3s-rollback"));
  expectThere(false);
  EXPECT_TRUE(process->store.parked().value());
}

TEST_F(Park, ATargetThatDoesNotParkIsThereAtOnce) {
  apply(full());
  reboot("boot-2");
  expectThere(true);
}

TEST_F(Park, APowerCutOnTheWayLosesNoneAndBringsNoneBack) {
  int k = 1;
  for (;; ++k) {
    SCOPED_TRACE(k);
    testlib::TempTree node;
    makeNode(node);
    ASSERT_TRUE(Process(node, clock, node.files()).keeper.apply(ofAWriter(), "commit"));
    bootKernel(node, "boot-2");
    const pid_t child = ::fork();
    if (child == 0) {
      PowerCutFiles files(node);
      Process cut(node, clock, files);
      files.cutAt(k, Loss::all);
      ::_exit(cut.keeper.recover() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_NE(WEXITSTATUS(status), 1);
    bootKernel(node, "boot-3");
    Process next(node, clock, node.files());
    ASSERT_TRUE(next.keeper.recover());
    EXPECT_FALSE(node.exists(kManifestA) || node.exists(kManifestB));
    ASSERT_TRUE(next.keeper.unpark());
    ASSERT_TRUE(next.keeper.repair(true));
    EXPECT_TRUE(node.exists(kManifestA) && node.exists(kManifestB));
    if (WEXITSTATUS(status) != PowerCutFiles::kExitStatus) break;
  }
  EXPECT_GT(k, 3);
}

}  // namespace
}  // namespace bedplate::apply
