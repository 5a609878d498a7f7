#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/lib/temp_tree.h"
#include "tests/unit/modules/fake_bus.h"
#include "tuning/host/paths.h"
#include "tuning/modules/modules.h"

namespace bedplate::modules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Manner = FakeBus::Manner;

constexpr int kPatientMs = 60'000;

class Loading : public testing::Test {
 protected:
  // A blank in the root: the address on the bus has to be escaped.
  Loading() {
    tree_.write("a root/run/dbus/x", "");
    files_ = std::make_unique<host::HostFiles>(host::HostFiles::open(tree_.path() + "/a root").value());
  }
  std::string socket() { return files_->shown(host::paths::systemBus); }
  void appear() { tree_.write("a root/sys/module/overlay/initstate", "live\n"); }

  testlib::TempTree tree_;
  std::unique_ptr<host::HostFiles> files_;
};

TEST_F(Loading, WhatIsThereNeedsNoBus) {
  appear();
  EXPECT_TRUE(SystemdLoader(*files_).load("overlay"));
}

TEST_F(Loading, ATreeWithoutABusIsUnavailable) {
  const auto status = SystemdLoader(*files_).load("overlay");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().reason, "Unavailable");
  EXPECT_FALSE(status.error().todo.empty());
}

TEST_F(Loading, ABusThatNobodyServesIsUnavailable) {
  tree_.write("a root/run/dbus/system_bus_socket", "not a socket");
  EXPECT_EQ(SystemdLoader(*files_).load("overlay").error().reason, "Unavailable");
}

TEST_F(Loading, WhatIsNoNameNeverReachesTheBus) {
  FakeBus bus(socket(), Manner::answerThenEnd);
  EXPECT_EQ(SystemdLoader(*files_, kPatientMs).load("a/b").error().reason, "Invalid");
  EXPECT_EQ(SystemdLoader(*files_, kPatientMs).load("x.service y").error().reason, "Invalid");
  bus.stop();
  EXPECT_THAT(bus.calls(), IsEmpty());
}

TEST_F(Loading, AsksSystemdAndWaitsForItsJob) {
  for (const Manner manner : {Manner::answerThenEnd, Manner::endThenAnswer}) {
    tree_.remove("a root/sys");
    tree_.remove("a root/run/dbus/system_bus_socket");
    FakeBus bus(socket(), manner, [this] { appear(); });
    const auto status = SystemdLoader(*files_, kPatientMs).load("overlay");
    EXPECT_TRUE(status) << status.error().text();
    bus.stop();
    EXPECT_THAT(bus.calls(), ElementsAre("StartUnit modprobe@overlay.service replace"));
  }
}

TEST_F(Loading, AJobThatIsDoneProvesNothing) {
  FakeBus bus(socket(), Manner::answerThenEnd);
  const auto status = SystemdLoader(*files_, kPatientMs).load("overlay");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().reason, "NotLoaded");
  EXPECT_THAT(status.error().text(), HasSubstr("\"done\""));
  EXPECT_THAT(status.error().todo, HasSubstr("modprobe overlay"));
}

TEST_F(Loading, NoAnswerCostsTheDeadlineAndNotMore) {
  FakeBus bus(socket(), Manner::silent);
  const auto status = SystemdLoader(*files_, 300).load("overlay");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().reason, "NotLoaded");
}

TEST_F(Loading, AModuleThatComesWithoutAnAnswerIsThere) {
  FakeBus bus(socket(), Manner::silent, [this] { appear(); });
  EXPECT_TRUE(SystemdLoader(*files_, 2000).load("overlay"));
}

TEST_F(Loading, ARefusalIsPassedOn) {
  FakeBus bus(socket(), Manner::deny);
  const auto status = SystemdLoader(*files_, kPatientMs).load("overlay");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().reason, "Denied");
  EXPECT_THAT(status.error().text(), HasSubstr("overlay: systemd does not start modprobe: Access denied by the test"));
}

TEST_F(Loading, ABusThatHangsUpIsUnavailable) {
  FakeBus bus(socket(), Manner::hangUp);
  const auto status = SystemdLoader(*files_, kPatientMs).load("overlay");
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().reason, testing::AnyOf("Unavailable", "NotLoaded"));
}

}  // namespace
}  // namespace bedplate::modules
