#include <gtest/gtest.h>

#include <limits>

#include "tuning/inotify/inotify.h"

namespace bedplate::inotify {
namespace {

constexpr std::uint64_t kGiB = 1 << 30;

TEST(InotifySize, OfTheKernelItself) {
  EXPECT_EQ(kernelDefault(kGiB / 2), (Limits{128, 8192}));
  EXPECT_EQ(kernelDefault(64 * kGiB), (Limits{128, 523377}));
  EXPECT_EQ(kernelDefault(512 * kGiB), (Limits{128, 1048576}));
}

TEST(InotifySize, GrowsWithTheMemory) {
  EXPECT_EQ(sizeFor(kGiB / 2), (Limits{8192, 65536}));
  EXPECT_EQ(sizeFor(kGiB), (Limits{8192, 65536}));
  EXPECT_EQ(sizeFor(4 * kGiB), (Limits{8192, 196608}));
  EXPECT_EQ(sizeFor(8 * kGiB), (Limits{8192, 393216}));
  EXPECT_EQ(sizeFor(16 * kGiB), (Limits{8192, 794624}));
  EXPECT_EQ(sizeFor(22 * kGiB), (Limits{8192, 1048576}));
}

TEST(InotifySize, IsNeverBelowTheKernelsChoice) {
  for (const std::uint64_t memory : {std::uint64_t{0}, kGiB, 200 * kGiB, std::numeric_limits<std::uint64_t>::max()}) {
    EXPECT_GE(sizeFor(memory).watches, kernelDefault(memory).watches);
    EXPECT_LE(sizeFor(memory).watches, 1048576);
  }
}

}  // namespace
}  // namespace bedplate::inotify
