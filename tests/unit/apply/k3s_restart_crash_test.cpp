// The process is killed, or the power goes, at every step of a restart of K3s: at each change on the disk, and at each
// call to systemd and the API. The next start comes to the end.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/lib/power_cut_files.h"
#include "tests/unit/apply/fake_k3s.h"

namespace bedplate::apply {
namespace {

using testing_node::Carer;
using testing_node::FakeK3s;
using testing_node::kBad;
using testing_node::kConfig;
using testing_node::kGood;
using testing_node::kOld;
using testing_node::with;
using testlib::Loss;
using testlib::PowerCutFiles;

enum class End { disk, call };  // at which kind of step it is killed

struct K3sRestartCrash : testing::TestWithParam<std::tuple<const char*, End, Loss>> {
  // False when it came to its end before step k.
  bool dies(testlib::TempTree& tree, testlib::FakeClock& clock, int k) {
    const auto [config, end, loss] = GetParam();
    const pid_t child = ::fork();
    if (child == 0) {
      PowerCutFiles files(tree);
      FakeK3s fake(tree, clock);
      Carer carer(tree, clock, files, fake);
      if (end == End::disk)
        files.cutAt(k, loss);
      else
        fake.killAt = k;
      carer.apply(with("new", config));
      carer.settle();
      carer.settle();
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status)) << "step " << k;
    const int code = WEXITSTATUS(status);
    EXPECT_TRUE(code == 0 || code == PowerCutFiles::kExitStatus || code == FakeK3s::kKilled)
        << "step " << k << ": " << code;
    return code != 0;
  }
};

TEST_P(K3sRestartCrash, TheNextStartComesToTheEnd) {
  const auto [config, end, loss] = GetParam();
  const bool bad = config == std::string(kBad);
  testlib::FakeClock clock;
  clock.wall = host::SystemClock().wallUs() - 100'000'000;  // the files are newer than K3s
  testlib::TempTree prepared;
  testing_node::makeNode(prepared);
  {
    FakeK3s fake(prepared, clock);
    fake.start();
    clock.advanceMs(60'000);
    Carer carer(prepared, clock, prepared.files(), fake);
    carer.apply(with("old", kOld));
    carer.settle();
    carer.settle();
    ASSERT_EQ(carer.trial().outcome, "confirmed");
  }
  int k = 1, back = 0, forward = 0;
  for (;; ++k) {
    SCOPED_TRACE("step " + std::to_string(k));
    testlib::TempTree tree;
    std::filesystem::copy(prepared.path(), tree.path(),
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
    if (!dies(tree, clock, k)) break;
    testlib::FakeClock later;
    later.wall = clock.wall;
    later.monotonic = clock.monotonic;
    later.advanceMs(600'000);
    FakeK3s fake(tree, later);
    const int before = fake.restarts();
    const bool reboot = loss != Loss::nothing;
    if (reboot) {
      fake.down();
      testing_node::bootKernel(tree, "boot-2");
      later.monotonic = 5'000'000'000;
    }
    Carer carer(tree, later, tree.files(), fake);
    const auto recovered = carer.process.keeper.recover();
    ASSERT_TRUE(recovered) << recovered.error().text();
    const auto started = carer.care.start();
    ASSERT_TRUE(started) << started.error().text();
    if (reboot) {
      later.advanceMs(1'000);
      fake.start();
      // What was being tried when the power went is not what K3s starts on.
      if (carer.trial().phase == K3sTrial::Phase::goingBack) {
        EXPECT_EQ(fake.ran(), kOld);
      }
    }
    carer.settle();
    carer.apply(with("new", config));  // the next look at Git
    carer.settle();
    carer.settle();

    EXPECT_TRUE(fake.up());
    EXPECT_EQ(tree.read(kConfig), fake.ran());  // it runs on what lies there
    EXPECT_EQ(carer.trial().phase, K3sTrial::Phase::idle);
    const auto world = fake.load();
    EXPECT_EQ(world["lease"]["spec"]["holderIdentity"], "");
    if (bad) {
      EXPECT_EQ(fake.ran(), kOld);
      EXPECT_EQ(carer.trial().outcome, "rolled-back");
      // Onto it and back, and never twice; where the machine went down K3s is started by its boot.
      EXPECT_LE(fake.restarts(), reboot ? 4 : 3);
    } else if (fake.ran() == kGood) {
      ++forward;
      EXPECT_LE(fake.restarts() - before, 2);
    } else {
      // Only a cut during the confirmation takes a good one back.
      EXPECT_TRUE(reboot);
      EXPECT_EQ(fake.ran(), kOld);
      EXPECT_EQ(carer.trial().outcome, "rolled-back");
      ++back;
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(k, 10);
  if (!bad) {
    EXPECT_GT(forward, 0);
  }
  if (!bad && loss == Loss::nothing) {
    EXPECT_EQ(back, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Steps, K3sRestartCrash,
                         testing::Combine(testing::Values(kGood, kBad), testing::Values(End::disk, End::call),
                                          testing::Values(Loss::nothing, Loss::contents, Loss::all)));

}  // namespace
}  // namespace bedplate::apply
