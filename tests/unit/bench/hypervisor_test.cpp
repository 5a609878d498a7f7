#include "tuning/bench/hypervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/lib/temp_tree.h"
#include "tuning/bench/bench.h"

namespace bedplate::bench {
namespace {

using testing::HasSubstr;

HypervisorFacts guest(const std::string& signature, std::optional<std::uint32_t> features = {}) {
  HypervisorFacts facts;
  facts.flag = true;
  facts.signature = signature;
  facts.kvmFeatures = features;
  return facts;
}

TEST(StealReported, ByTheHypervisor) {
  std::string why;
  EXPECT_TRUE(decide(guest("KVMKVMKVM", 0x20), why));
  EXPECT_TRUE(why.empty());
  EXPECT_FALSE(decide(guest("KVMKVMKVM", 0x1), why));
  EXPECT_THAT(why, HasSubstr("KVM is told not to report steal"));
  EXPECT_FALSE(decide(guest("KVMKVMKVM"), why));
  EXPECT_TRUE(decide(guest("XenVMMXenVMM"), why));
  EXPECT_FALSE(decide(guest("VMwareVMware"), why));
  EXPECT_EQ(why, "the hypervisor (VMware) reports no steal");
  EXPECT_FALSE(decide(guest("Microsoft Hv"), why));
  EXPECT_EQ(why, "the hypervisor (Hyper-V) reports no steal");
  EXPECT_FALSE(decide(guest("TCGTCGTCGTCG"), why));
  EXPECT_EQ(why, "the hypervisor (TCGTCGTCGTCG) reports no steal");
}

TEST(StealReported, WhatHasBeenStolenHasBeenReported) {
  HypervisorFacts facts = guest("VMwareVMware");  // with its steal clock on
  facts.stolenTicks = 1;
  std::string why = "before";
  EXPECT_TRUE(decide(facts, why));
  EXPECT_TRUE(why.empty());
}

class StealTree : public testing::Test {
 protected:
  bool reported() { return stealReported(tree_.files(), why_); }
  testlib::TempTree tree_;
  std::string why_;
};

TEST_F(StealTree, BareMetalHasNone) {
  tree_.write("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vme hypervisorless\n\nprocessor\t: 1\n");
  tree_.write("sys/class/dmi/id/sys_vendor", "Supermicro\n");
  EXPECT_FALSE(reported());
  EXPECT_EQ(why_, "no hypervisor");
}

TEST_F(StealTree, AGuestByItsFirmware) {
  tree_.write("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vme hypervisor\n");
  tree_.write("sys/class/dmi/id/sys_vendor", "QEMU\n");
  EXPECT_TRUE(reported());
  tree_.write("sys/class/dmi/id/sys_vendor", "VMware, Inc.\x1b\n");
  EXPECT_FALSE(reported());
  EXPECT_EQ(why_, "the hypervisor (VMware, Inc.) has reported no steal since boot");
  tree_.remove("sys");
  EXPECT_FALSE(reported());
  EXPECT_EQ(why_, "the hypervisor is not known and has reported no steal since boot");
  tree_.write("proc/stat", "cpu  1 2 3 4 5 6 7 8\n");
  EXPECT_TRUE(reported());
}

TEST_F(StealTree, Xen) {
  tree_.write("sys/hypervisor/type", "xen\n");
  EXPECT_TRUE(reported());
}

TEST_F(StealTree, AnArmGuestOnlyOnceItHasReportedSome) {
  tree_.write("proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd\n");
  tree_.write("sys/class/dmi/id/sys_vendor", "QEMU\n");
  tree_.write("proc/stat", "cpu  1 2 3 4 5 6 7 0\n");
  EXPECT_FALSE(reported());
  tree_.write("proc/stat", "cpu  1 2 3 4 5 6 7 1\n");
  EXPECT_TRUE(reported());
}

TEST(StealReportedHere, SaysWhyNotOrNothing) {
  auto root = host::HostFiles::open("/");
  ASSERT_TRUE(root);
  std::string why;
  EXPECT_EQ(stealReported(*root, why), why.empty()) << why;
}

}  // namespace
}  // namespace bedplate::bench
