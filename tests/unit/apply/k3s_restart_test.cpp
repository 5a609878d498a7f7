// A restart of K3s from the changed file to the confirmed or the old configuration.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/apply/rollback.h"
#include "tests/unit/apply/fake_k3s.h"

namespace bedplate::apply {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing_node::Carer;
using testing_node::FakeK3s;
using testing_node::kBad;
using testing_node::kConfig;
using testing_node::kGood;
using testing_node::kHandMade;
using testing_node::kOld;
using testing_node::TargetBuilder;
using testing_node::with;

struct K3sRestart : testing::Test {
  K3sRestart() {
    testing_node::makeNode(tree);
    clock.wall = host::SystemClock().wallUs() - 100'000'000;  // the files are newer than K3s
    fake.start();
    clock.advanceMs(60'000);
    start();
  }
  void start() {
    carer.reset();
    carer = std::make_unique<Carer>(tree, clock, tree.files(), fake);
  }
  // K3s runs on kOld, and that is known.
  void settled() {
    carer->apply(with("old", kOld));
    carer->settle();
    ASSERT_EQ(fake.restarts(), 1);
    ASSERT_EQ(carer->trial().outcome, "confirmed");
    carer->settle();
  }
  nlohmann::json lease() { return fake.load()["lease"]; }
  kube::Trial told() {
    return kube::parseTrial(lease()["metadata"]["annotations"]["bedplate.dev/trial"].get<std::string>()).value();
  }

  testlib::TempTree tree;
  testlib::FakeClock clock;
  FakeK3s fake{tree, clock};
  std::unique_ptr<Carer> carer;
};

TEST_F(K3sRestart, IsOneWhenTheEffectiveConfigurationChanged) {
  settled();
  EXPECT_EQ(lease()["spec"]["holderIdentity"], "");
  EXPECT_EQ(told().outcome, "confirmed");
  carer->apply(with("comment", std::string("# a comment\n") + kOld));
  carer->settle();
  EXPECT_EQ(fake.restarts(), 1);
  carer->apply(with("good", kGood));
  carer->settle();
  EXPECT_EQ(fake.restarts(), 2);
  EXPECT_EQ(fake.ran(), kGood);
  EXPECT_EQ(carer->trial().outcome, "confirmed");
  EXPECT_THAT(carer->trial().checks, ElementsAre("k3s is active", "/readyz answers", "the Node is Ready"));
  EXPECT_EQ(carer->shown().state, "");
  carer->settle();
  EXPECT_EQ(fake.restarts(), 2);
}

TEST_F(K3sRestart, ABadOneIsTakenBackAndNotTriedAgain) {
  settled();
  const plan::Target bad = with("bad", kBad);
  carer->apply(bad);
  carer->settle();
  EXPECT_EQ(fake.restarts(), 3);  // onto it, and back
  EXPECT_EQ(fake.ran(), kOld);
  EXPECT_EQ(tree.read(kConfig), kOld);
  EXPECT_TRUE(fake.up());
  EXPECT_EQ(carer->trial().outcome, "rolled-back");
  EXPECT_EQ(carer->trial().line, "unknown flag: --no-such");
  EXPECT_EQ(told().outcome, "rolled-back");
  EXPECT_EQ(told().why, "unknown flag: --no-such");
  EXPECT_EQ(lease()["spec"]["holderIdentity"], "");
  EXPECT_EQ(carer->shown("held back: why").state, "rolled-back");
  EXPECT_EQ(carer->shown("").state, "");  // Git asks for something else by now
  // The rest of the commit stays in force.
  EXPECT_EQ(carer->process.store.latest(GenerationState::applied).value()->commit, bad.commit);
  // Again, a rebased copy, and one that changes something else.
  for (const char* name : {"bad", "rebased"}) carer->apply(with(name, kBad));
  plan::Target more = with("more", kBad);
  more.files.front().mode = 0600;
  carer->apply(TargetBuilder("more").config(kBad).sysctl("vm/swappiness", "20").target);
  carer->settle();
  EXPECT_EQ(tree.read(kConfig), kOld);
  EXPECT_EQ(testing_node::view(tree)["vm/swappiness"], "20");
  EXPECT_EQ(fake.restarts(), 3);
  // Another content is tried.
  carer->apply(with("good", kGood));
  carer->settle();
  EXPECT_EQ(fake.ran(), kGood);
  EXPECT_EQ(fake.restarts(), 4);
  EXPECT_EQ(carer->shown("").state, "");
  EXPECT_EQ(carer->shown("held back: why").state, "rolled-back");  // Git is back at the bad one
  EXPECT_EQ(carer->shown("held back: why").why, "held back: why");
  // After `resume` the bad one is, too.
  ASSERT_TRUE(carer->process.store.resume());
  carer->apply(bad);
  carer->settle();
  EXPECT_EQ(fake.restarts(), 6);
  EXPECT_EQ(fake.ran(), kGood);
}

TEST_F(K3sRestart, TheFirstOneGoesBackToWhatWasThereBefore) {
  carer->apply(with("bad", kBad));
  carer->settle();
  EXPECT_EQ(fake.restarts(), 2);
  EXPECT_EQ(tree.read(kConfig), kHandMade);
  EXPECT_EQ(fake.ran(), kHandMade);
  EXPECT_EQ(carer->trial().outcome, "rolled-back");
}

TEST_F(K3sRestart, OneRollbackThenHandsOff) {
  settled();
  carer->apply(with("bad", kBad));
  carer->step();  // go
  fake.set("broken", true);
  carer->settle();
  EXPECT_EQ(fake.restarts(), 3);
  EXPECT_EQ(carer->trial().outcome, "failed");
  EXPECT_EQ(carer->shown().state, "failed");
  EXPECT_THAT(carer->shown().why, HasSubstr("on the old configuration"));
  EXPECT_EQ(lease()["spec"]["holderIdentity"], "web-01");  // nobody follows
  for (int i = 0; i < 5; ++i) carer->settle();
  EXPECT_EQ(fake.restarts(), 3);
  // Somebody mends it.
  fake.set("broken", false);
  fake.start();
  carer->settle();
  carer->settle();
  EXPECT_EQ(carer->trial().outcome, "rolled-back");
  EXPECT_EQ(lease()["spec"]["holderIdentity"], "");
  EXPECT_EQ(fake.restarts(), 3);
}

TEST_F(K3sRestart, OneThatIsSlowToEndIsNotHeldAgainstTheOldConfiguration) {
  settled();
  carer->apply(with("bad", kBad));
  carer->step();  // go
  carer->step();  // and back
  ASSERT_EQ(carer->trial().phase, K3sTrial::Phase::goingBack);
  fake.set("endsAfterMs", carer->trial().timeoutMs + 90'000);  // systemd kills it then
  carer->settle();
  EXPECT_THAT(carer->said, Not(HasSubstr("left alone")));
  EXPECT_EQ(carer->trial().outcome, "rolled-back");
  EXPECT_EQ(fake.ran(), kOld);
  EXPECT_TRUE(fake.up());
}

TEST_F(K3sRestart, WithoutTheApiThereIsNone) {
  settled();
  fake.set("apiAway", true);
  carer->apply(with("good", kGood));
  for (int i = 0; i < 3; ++i) carer->settle();
  EXPECT_EQ(fake.restarts(), 1);
  EXPECT_EQ(carer->shown().state, "waiting");
  EXPECT_EQ(carer->shown().reason, "NoApi");
  fake.set("apiAway", false);
  carer->settle();
  EXPECT_EQ(fake.restarts(), 2);
}

TEST_F(K3sRestart, AnApiThatStaysAwayIsNotConfirmed) {
  settled();
  carer->apply(with("good", kGood));
  carer->step();
  fake.set("apiAway", true);
  carer->step();
  EXPECT_EQ(carer->trial().phase, K3sTrial::Phase::goingBack);
  EXPECT_THAT(carer->trial().why, HasSubstr("/readyz answers no more"));
  fake.set("apiAway", false);
  carer->settle();
  EXPECT_EQ(fake.ran(), kOld);
}

TEST_F(K3sRestart, WhatSystemdDeniesIsNoProofAgainstTheCommit) {
  settled();
  fake.set("denied", true);
  carer->apply(with("good", kGood));
  carer->step();
  carer->step();
  EXPECT_EQ(carer->trial().outcome, "waiting");
  EXPECT_EQ(tree.read(kConfig), kGood);
  fake.set("denied", false);
  carer->settle();
  EXPECT_EQ(fake.ran(), kGood);
}

TEST_F(K3sRestart, WhatFailedElsewhereIsPutBackWithoutARestart) {
  settled();
  auto world = fake.load();
  const plan::Target bad = with("bad", kBad);
  world["lease"]["metadata"]["annotations"]["bedplate.dev/trial"] =
      kube::toJson({"server-2", bad.tree, "its own", "rolled-back", "unknown flag: --no-such"});
  fake.save(world);
  carer->apply(bad);
  carer->settle();
  EXPECT_EQ(fake.restarts(), 1);
  EXPECT_EQ(tree.read(kConfig), kOld);
  EXPECT_EQ(carer->shown("held back: why").state, "rolled-back");
  EXPECT_EQ(carer->shown("held back: why").why, "it failed on server-2: unknown flag: --no-such");
  EXPECT_EQ(told().node, "server-2");  // its word stands
}

TEST_F(K3sRestart, ACanarySaysThatItHasComeToACommit) {
  settled();
  carer->policy.canary = {"web-01"};
  carer->apply(TargetBuilder("next").config(kOld).sysctl("vm/swappiness", "20").target);
  carer->settle();
  const auto said = kube::parseTrial(fake.load()["annotations"]["bedplate.dev/k3s"].get<std::string>());
  ASSERT_TRUE(said);
  EXPECT_EQ(said->tree, TargetBuilder("next").target.tree);
  EXPECT_EQ(said->outcome, "confirmed");
  EXPECT_EQ(fake.restarts(), 1);
  // Not to one whose configuration it holds back.
  carer->apply(with("bad", kBad));
  carer->settle();
  carer->apply(TargetBuilder("more").config(kBad).sysctl("vm/swappiness", "30").target);
  carer->settle();
  const auto still = kube::parseTrial(fake.load()["annotations"]["bedplate.dev/k3s"].get<std::string>());
  EXPECT_EQ(still->outcome, "rolled-back");
  EXPECT_EQ(still->tree, with("bad", kBad).tree);
}

TEST_F(K3sRestart, AUnitWithoutAProcessIsLeftAlone) {
  fake.set("exited", true);
  carer->apply(with("bad", kBad));
  carer->settle();
  EXPECT_EQ(fake.restarts(), 0);
  EXPECT_EQ(carer->shown().state, "");
}

TEST_F(K3sRestart, NeverHasAName) {
  settled();
  carer->policy.mode = "never";
  carer->apply(with("good", kGood));
  carer->settle();
  EXPECT_EQ(fake.restarts(), 1);
  EXPECT_EQ(carer->shown().state, "waiting");
  EXPECT_EQ(carer->shown().reason, "Never");
  fake.start();  // by hand
  clock.advanceMs(60'000);
  carer->settle();
  EXPECT_EQ(carer->shown().state, "");
  EXPECT_EQ(carer->process.store.k3sConfirmed().value(), 2);
}

TEST_F(K3sRestart, ANewCommitWaitsUntilTheFirstIsConfirmed) {
  settled();
  carer->apply(with("good", kGood));
  carer->step();
  ASSERT_EQ(carer->trial().phase, K3sTrial::Phase::restarting);
  carer->apply(with("bad", kBad));
  EXPECT_EQ(tree.read(kConfig), kGood);
  carer->settle();
  EXPECT_EQ(fake.ran(), kGood);
  EXPECT_EQ(carer->trial().outcome, "confirmed");
  // Nor does an operator's rollback change the files under it.
  carer->apply(with("old", kOld));
  carer->step();
  ASSERT_EQ(carer->trial().phase, K3sTrial::Phase::restarting);
  const auto run = rollBack(carer->process.machine, carer->process.keeper, carer->process.store, 0, {}, {});
  EXPECT_EQ(tree.read(kConfig), kOld);
  EXPECT_TRUE(!run || run->note.find("waits until") != std::string::npos);
}

TEST_F(K3sRestart, GoesOnInTheSameBootAndBackInAnother) {
  settled();
  carer->apply(with("good", kGood));
  carer->step();
  start();
  EXPECT_EQ(carer->care.start().value(), "");
  carer->settle();
  EXPECT_EQ(carer->trial().outcome, "confirmed");
  EXPECT_EQ(fake.restarts(), 2);

  carer->apply(with("old", kOld));
  carer->step();
  ASSERT_EQ(carer->trial().phase, K3sTrial::Phase::restarting);
  fake.down();
  testing_node::bootKernel(tree, "boot-2");
  start();
  ASSERT_TRUE(carer->process.keeper.recover());
  EXPECT_THAT(carer->care.start().value(), HasSubstr("was not confirmed before the machine went down"));
  EXPECT_EQ(tree.read(kConfig), kGood);  // before K3s, and without a network
  clock.advanceMs(1000);
  fake.start();
  carer->settle();
  EXPECT_EQ(fake.restarts(), 2);
  EXPECT_EQ(carer->trial().outcome, "rolled-back");
}

}  // namespace
}  // namespace bedplate::apply
