#include "tuning/bench/pressure.h"

#include <gtest/gtest.h>

#include "tests/unit/bench/machine_tree.h"

namespace bedplate::bench {
namespace {

TEST(ParsePressure, SharesAndSum) {
  const auto pressure = parsePressure(
      "some avg10=0.00 avg60=12.34 avg300=100.00 total=164191278\nfull avg10=0.50 avg60=0.30 avg300=0.20 total=7\n");
  ASSERT_TRUE(pressure);
  ASSERT_TRUE(pressure->some && pressure->full);
  EXPECT_DOUBLE_EQ(pressure->some->avg60, 0.1234);
  EXPECT_DOUBLE_EQ(pressure->some->avg300, 1);
  EXPECT_EQ(pressure->some->totalUs, 164191278u);
  EXPECT_DOUBLE_EQ(pressure->full->avg10, 0.005);
}

TEST(ParsePressure, WhatIsNoneIsMalformedAndHalfIsHalf) {
  for (const char* text :
       {"", "some\n", "some avg10=x avg60=0.00 avg300=0.00 total=0\n",
        "some avg10=nan avg60=0.00 avg300=0.00 total=0\n", "some avg10=100.01 avg60=0.00 avg300=0.00 total=0\n",
        "some avg10=-1 avg60=0.00 avg300=0.00 total=0\n", "some avg10=0.00 avg60=0.00 total=0\n",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=0 more=1\n"})
    EXPECT_EQ(parsePressure(text).error().reason, "Malformed") << text;
  const auto old = parsePressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
  ASSERT_TRUE(old);
  EXPECT_TRUE(old->some);
  EXPECT_FALSE(old->full) << "of the CPU before Linux 5.13";
}

TEST(ReadPressures, WhatTheKernelDoesNotTellIsUnset) {
  MachineTree kvm("kvm");
  const Pressures told = readPressures(kvm.files());
  ASSERT_TRUE(told.cpu() && told.io() && told.memory());
  EXPECT_GT(told.cpu()->some->totalUs, 0u);
  MachineTree xen("xen");
  const Pressures none = readPressures(xen.files());
  EXPECT_FALSE(none.cpu() || none.io() || none.memory());
}

}  // namespace
}  // namespace bedplate::bench
