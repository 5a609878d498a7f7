#include <gtest/gtest.h>

#include <limits>

#include "tuning/conntrack/conntrack.h"

namespace bedplate::conntrack {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kGiB = 1 << 30;

TEST(ConntrackSize, OfTheKernelItself) {
  EXPECT_EQ(kernelDefault(16 * kMiB), (Size{1024, 1024}));
  EXPECT_EQ(kernelDefault(512 * kMiB), (Size{4096, 4096}));
  EXPECT_EQ(kernelDefault(kGiB), (Size{8192, 8192}));
  EXPECT_EQ(kernelDefault(kGiB + 4096), (Size{65536, 65536}));
  EXPECT_EQ(kernelDefault(4 * kGiB), (Size{65536, 65536}));
  EXPECT_EQ(kernelDefault(4 * kGiB + 4096), (Size{262144, 262144}));
}

TEST(ConntrackSize, GrowsWithTheMemoryUpToTheCap) {
  EXPECT_EQ(sizeFor(512 * kMiB, 1), (Size{131072, 131072})) << "K3s's least";
  EXPECT_EQ(sizeFor(kGiB, 1), (Size{163840, 163840}));
  EXPECT_EQ(sizeFor(2 * kGiB, 2), (Size{335872, 335872}));
  EXPECT_EQ(sizeFor(4 * kGiB, 2), (Size{679936, 679936}));
  EXPECT_EQ(sizeFor(8 * kGiB, 4), (Size{1048576, 1048576}));
  EXPECT_EQ(sizeFor(256 * kGiB, 32), (Size{1048576, 1048576}));
}

TEST(ConntrackSize, CoresAskForMoreThanTheCapWhereThereIsMemory) {
  EXPECT_EQ(sizeFor(256 * kGiB, 64), (Size{2097152, 2097152}));
  EXPECT_EQ(sizeFor(kGiB, 64), (Size{163840, 163840})) << "a sixteenth of the memory all the same";
}

TEST(ConntrackSize, StaysInRangeWhateverTheMachine) {
  for (const std::uint64_t memory : {std::uint64_t{0}, kMiB, 3 * kGiB, std::numeric_limits<std::uint64_t>::max()})
    for (const int cores : {-1, 0, 1, 7, 4096, std::numeric_limits<int>::max()}) {
      const Size size = sizeFor(memory, cores);
      EXPECT_GE(size.max, 131072);
      EXPECT_GE(size.max, kernelDefault(memory).max);
      EXPECT_LE(size.max, std::numeric_limits<std::int32_t>::max());
      EXPECT_EQ(size.buckets % 512, 0) << "the kernel would round it up, to something else than was asked for";
    }
}

TEST(ConntrackSize, DoesNotMoveWithAFewMebibytes) {
  // Two kernels on one machine of 4 GB.
  EXPECT_EQ(sizeFor(3925 * kMiB, 2), sizeFor(3931 * kMiB, 2));
}

}  // namespace
}  // namespace bedplate::conntrack
