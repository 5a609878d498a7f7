#include <algorithm>

#include "tuning/conntrack/conntrack.h"

namespace bedplate::conntrack {
namespace {

constexpr std::uint64_t kGiB = 1 << 30;
constexpr std::int64_t kLeast = 131072;
constexpr std::int64_t kPerCore = 32768;
constexpr std::int64_t kCap = 1048576;
constexpr std::int64_t kStep = 8192;
constexpr std::int64_t kShare = 16;  // of the memory
// More memory than a machine can have; keeps the arithmetic in range.
constexpr std::uint64_t kMostMemory = std::uint64_t{1} << 52;
constexpr int kMostCores = 1 << 15;  // 32768 * 32768 still is an int, which the kernel's limit is

}  // namespace

Size kernelDefault(std::uint64_t memoryBytes) {
  std::int64_t buckets = 262144;
  if (memoryBytes <= kGiB)
    buckets = std::max<std::int64_t>(1024, static_cast<std::int64_t>(memoryBytes / 16384 / 8));
  else if (memoryBytes <= 4 * kGiB)
    buckets = 65536;
  return {buckets, buckets};
}

Size sizeFor(std::uint64_t memoryBytes, int cores) {
  const auto memory = static_cast<std::int64_t>(std::min(memoryBytes, kMostMemory));
  const std::int64_t share = memory / kShare / kEntryBytes / kStep * kStep;
  const std::int64_t asked = std::max(kCap, kPerCore * std::clamp(cores, 1, kMostCores));
  const std::int64_t max = std::max({std::min(share, asked), kLeast, kernelDefault(memoryBytes).max});
  return {max, max};
}

}  // namespace bedplate::conntrack
