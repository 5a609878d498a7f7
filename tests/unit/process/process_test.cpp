#include "tuning/process/process.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/temp_tree.h"

namespace bedplate::process {
namespace {

constexpr const char* kPod = "0a1b2c3d-1111-2222-3333-444455556666";
const std::string kId = std::string(60, 'a') + "0123";

Process place(std::string_view cgroup) {
  Process process;
  placeOf(cgroup, process);
  return process;
}

TEST(Cgroup, TheUnitIsTheInnermostOne) {
  EXPECT_EQ(place("0::/system.slice/ssh.service\n").unit, "ssh.service");
  EXPECT_EQ(place("0::/user.slice/user-1000.slice/session-3.scope\n").unit, "session-3.scope");
  EXPECT_EQ(place("0::/user.slice/user-1000.slice/user@1000.service/app.slice/tune.service\n").unit, "tune.service");
  EXPECT_EQ(place("0::/system.slice/k3s.service/init\n").unit, "k3s.service");
  EXPECT_EQ(place("0::/system.slice/_cpu.service\n").unit, "cpu.service");
  EXPECT_EQ(place("0::/system.slice/x.service (deleted)\n").unit, "x.service");
  EXPECT_EQ(place("0::/\n").unit, "");
  EXPECT_EQ(place("0::/system.slice\n").unit, "");
}

TEST(Cgroup, SystemdsHierarchyOfTheOldKindCounts) {
  EXPECT_EQ(place("12:pids:/docker/x\n1:name=systemd:/system.slice/a.service\n0::/\n").unit, "a.service");
  EXPECT_EQ(place("4:memory:/system.slice/b.service\n0::/\n").unit, "b.service");
}

TEST(Cgroup, APodAndItsContainer) {
  const std::string dashed = kPod;
  std::string underscored = dashed;
  for (char& c : underscored)
    if (c == '-') c = '_';
  const Process systemd = place("0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + underscored +
                                ".slice/cri-containerd-" + kId + ".scope\n");
  EXPECT_EQ(systemd.pod, dashed);
  EXPECT_EQ(systemd.container, kId);
  EXPECT_EQ(systemd.unit, "");
  const Process cgroupfs = place("0::/kubepods/besteffort/pod" + dashed + "/" + kId + "\n");
  EXPECT_EQ(cgroupfs.pod, dashed);
  EXPECT_EQ(cgroupfs.container, kId);
  EXPECT_EQ(place("0::/kubepods/pod" + std::string(32, 'f') + "/x\n").pod, std::string(32, 'f'));
  EXPECT_EQ(place("0::/podman/pod-of-mine\n").pod, "");
  EXPECT_EQ(place("0::/system.slice/docker-" + kId + ".scope\n").container, kId);
}

TEST(Cgroup, WhatIsNotPrintableIsPassedOver) {
  EXPECT_EQ(place(std::string("0::/system.slice/a\x1b[2J.service\n")).unit, "");
  EXPECT_EQ(place("garbage").unit, "");
  EXPECT_EQ(place("").unit, "");
}

TEST(Stat, TheCommandMayHoldAnything) {
  const std::string tail = " S 1 1 1 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 987654 1000 2";
  EXPECT_EQ(startTime("12 (sh)" + tail), 987654U);
  EXPECT_EQ(startTime("12 (a) b) (c)" + tail), 987654U);
  EXPECT_FALSE(startTime("12 (sh) S 1 1"));
  EXPECT_FALSE(startTime("12 sh S"));
  EXPECT_FALSE(startTime(""));
  EXPECT_FALSE(startTime("12 (sh) S 1 1 1 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 x 1000 2"));
}

TEST(Command, OnlyTheScriptOfAnInterpreterIsAdded) {
  using namespace std::string_literals;
  EXPECT_EQ(commandOf("sysctl\n", "sysctl\0-w\0vm.x=secret\0"s), "sysctl");
  EXPECT_EQ(commandOf("python3\n", "/usr/bin/python3.11\0/opt/agent.py\0--token=abc\0"s), "python3 agent.py");
  EXPECT_EQ(commandOf("sh\n", "sh\0-c\0echo secret\0"s), "sh");
  EXPECT_EQ(commandOf("bash\n", "bash\0a b\0"s), "bash");
  EXPECT_EQ(commandOf("kworker/0:1\n", ""), "kworker/0:1");
  EXPECT_EQ(commandOf("a\x1b[m\n", ""), "a?[m");
}

TEST(Text, SaysWhoInOneLine) {
  EXPECT_EQ(text({1234, "sysctl", "ssh.service", "", ""}), "pid 1234 sysctl (ssh.service)");
  EXPECT_EQ(text({1, "x", "", "", ""}), "pid 1 x");
  EXPECT_EQ(text({7, "agent", "", kPod, kId}), std::string("pid 7 agent (pod ") + kPod + ", container aaaaaaaaaaaa)");
}

class Identify : public ::testing::Test {
 protected:
  void process(const std::string& start) {
    tree_.write("proc/42/comm", "sysctl\n");
    tree_.write("proc/42/stat", "42 (sysctl) S 1 1 1 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 " + start + " 1000 2\n");
    tree_.write("proc/42/cgroup", "0::/system.slice/ssh.service\n");
    tree_.write("proc/42/cmdline", "");
  }
  testlib::TempTree tree_;
};

TEST_F(Identify, ReadsBelowTheRoot) {
  process("100");
  const auto found = identify(tree_.files(), 42);
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(text(*found), "pid 42 sysctl (ssh.service)");
}

TEST_F(Identify, OneThatIsGoneIsNotGuessed) {
  EXPECT_EQ(identify(tree_.files(), 43).error().reason, "NotFound");
  EXPECT_EQ(identify(tree_.files(), 0).error().reason, "NotFound");
  process("100");
  EXPECT_EQ(identify(tree_.files(), 42, [] { return false; }).error().reason, "NotFound");
  tree_.remove("proc/42/cgroup");
  EXPECT_EQ(identify(tree_.files(), 42).error().reason, "NotFound");
}

TEST(IdentifyForReal, ThisProcessAndOneThatEnded) {
  auto files = host::HostFiles::open("/");
  ASSERT_TRUE(files);
  const auto self = identify(*files, ::getpid());
  ASSERT_TRUE(self) << self.error().text();
  EXPECT_EQ(self->command, "test_process");
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(identify(*files, child));
}

}  // namespace
}  // namespace bedplate::process
