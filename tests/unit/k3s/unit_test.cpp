#include "agent/k3s/unit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <functional>
#include <thread>

#include "tests/lib/fake_systemd.h"
#include "tests/lib/temp_tree.h"
#include "tuning/host/paths.h"

namespace bedplate::k3s {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testlib::FakeSystemd;

class UnitTest : public ::testing::Test {
 protected:
  void start(FakeSystemd::Setup setup = {}) {
    ASSERT_TRUE(tree.files().makeDirectories("run/dbus", 0755));
    setup.socket = tree.path() + "/" + host::paths::systemBus;
    systemd = std::make_unique<FakeSystemd>(std::move(setup));
    thread = std::thread([this] { systemd->run(); });
  }
  void TearDown() override { end(); }
  void end() {
    if (!thread.joinable()) return;
    systemd->stop();
    thread.join();
  }

  testlib::TempTree tree;
  SystemdUnit unit{tree.files()};
  std::unique_ptr<FakeSystemd> systemd;
  std::thread thread;
};

TEST_F(UnitTest, SaysHowItIsAndWhenItWasStarted) {
  start();
  const auto state = unit.look("k3s.service");
  ASSERT_TRUE(state) << state.error().text();
  EXPECT_EQ(state->active, "active");
  EXPECT_EQ(state->sub, "running");
  EXPECT_EQ(state->result, "success");
  EXPECT_FALSE(state->job);
  EXPECT_GT(state->startedNs, 0);
}

TEST_F(UnitTest, ARestartIsAskedForOnce) {
  start();
  const auto before = unit.look("k3s.service");
  ASSERT_TRUE(unit.restart("k3s.service"));
  const auto after = unit.look("k3s.service");
  ASSERT_TRUE(before && after);
  EXPECT_GT(after->startedNs, before->startedNs);
  end();
  EXPECT_THAT(systemd->calls(), ElementsAre("LoadUnit k3s.service", "RestartUnit k3s.service", "LoadUnit k3s.service"));
}

TEST_F(UnitTest, TellsFailuresApart) {
  EXPECT_EQ(unit.look("k3s.service").error().reason, "Unavailable");  // no bus
  FakeSystemd::Setup setup;
  setup.deny = "RestartUnit";
  start(std::move(setup));
  EXPECT_EQ(unit.look("k3s-agent.service").error().reason, "NotFound");
  const auto denied = unit.restart("k3s.service");
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().reason, "Denied");
  EXPECT_THAT(denied.error().text(), HasSubstr("Access denied by the test"));
}

TEST(UnitName, FollowsTheRole) {
  EXPECT_EQ(unitOf("server"), "k3s.service");
  EXPECT_EQ(unitOf("agent"), "k3s-agent.service");
}

}  // namespace
}  // namespace bedplate::k3s
