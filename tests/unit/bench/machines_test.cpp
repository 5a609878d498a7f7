// Reported steal on machines of several kinds: what they say, and what they cannot.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/bench/machine_tree.h"
#include "tuning/bench/bench.h"
#include "tuning/bench/hypervisor.h"

namespace bedplate::bench {
namespace {

using testing::DoubleEq;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::Optional;

constexpr std::int64_t kSecond = 1'000'000'000;

StealSample reading(MachineTree& machine, std::int64_t second) {
  auto sample = readSteal(machine.files(), second * kSecond);
  EXPECT_TRUE(sample) << sample.error().text();
  return sample.value_or(StealSample{});
}

// Ten seconds from proc/stat to `to`.
StealShare share(MachineTree& machine, const std::string& to = "proc/stat.later") {
  const StealSample before = reading(machine, 100);
  machine.turnTo(to);
  return stealBetween(before, reading(machine, 110));
}

TEST(Machines, KvmThatReports) {
  MachineTree machine("kvm");
  std::string why;
  EXPECT_TRUE(stealReported(machine.files(), why)) << why;
  const StealShare told = share(machine);
  ASSERT_TRUE(told.ratio);
  EXPECT_EQ(told.stolenTicks, 1);
  EXPECT_NEAR(told.allTicks, 2 * 10 * 100, 250) << "two CPUs, ten seconds";
  EXPECT_THAT(told.perCpu, ElementsAre(Optional(DoubleNear(0.001, 1e-5)), Optional(0.0)));
}

TEST(Machines, WhereNothingIsReportedThereIsNoNumber) {
  struct Case {
    const char* name;
    const char* signature;
    const char* why;
  };
  for (const Case& one :
       {Case{"kvm-no-steal", "KVMKVMKVM", "KVM is told not to report steal"},
        Case{"vmware", "VMwareVMware", "the hypervisor (VMware) reports no steal"},
        Case{"hyperv", "Microsoft Hv", "the hypervisor (Hyper-V) reports no steal"}, Case{"metal", "", "no hypervisor"},
        Case{"arm64", "", "(Hetzner) has reported no steal since boot"}}) {
    MachineTree machine(one.name);
    HypervisorFacts facts = hypervisorFacts(machine.files());
    facts.signature = one.signature;  // of a tree it cannot be asked
    std::string why;
    EXPECT_FALSE(decide(facts, why)) << one.name;
    EXPECT_THAT(why, HasSubstr(one.why));
    const StealResult result = judgeSteal(share(machine), false, why, 0.05);
    EXPECT_FALSE(result.ratio) << one.name;
    EXPECT_EQ(result.verdict, Verdict::unknown);
    EXPECT_EQ(result.reason, "unavailable: " + why);
  }
}

TEST(Machines, Xen) {
  MachineTree machine("xen");
  std::string why;
  EXPECT_TRUE(stealReported(machine.files(), why)) << why;
  EXPECT_THAT(share(machine).ratio, Optional(DoubleEq(0.06)));
}

TEST(Machines, MovedToAnotherHostIsNotKnownUntilTheNextWindow) {
  MachineTree machine("kvm-moved");
  const StealShare moved = share(machine);
  EXPECT_FALSE(moved.ratio);
  EXPECT_THAT(moved.why, HasSubstr("ran backwards"));
  EXPECT_THAT(moved.perCpu, ElementsAre(Eq(std::nullopt), Eq(std::nullopt)));
  EXPECT_THAT(share(machine, "proc/stat.settled").ratio, Optional(DoubleEq(0.015)));
}

TEST(Machines, ACounterThatJumpedIsLeftOut) {
  MachineTree machine("kvm-jumped");
  const StealShare jumped = share(machine);
  EXPECT_THAT(jumped.perCpu, ElementsAre(Eq(std::nullopt), Optional(DoubleEq(0.02))));
  EXPECT_THAT(jumped.ratio, Optional(DoubleEq(0.02)));
}

TEST(Machines, CpusThatComeAndGoAreLeftOut) {
  MachineTree machine("kvm-hotplug");
  const StealShare plugged = share(machine);
  EXPECT_THAT(plugged.perCpu, ElementsAre(Optional(DoubleEq(0.02)), Optional(0.0), Eq(std::nullopt),
                                          Optional(DoubleEq(0.04)), Eq(std::nullopt), Eq(std::nullopt)));
  EXPECT_THAT(plugged.ratio, Optional(DoubleEq(0.02)));
}

}  // namespace
}  // namespace bedplate::bench
