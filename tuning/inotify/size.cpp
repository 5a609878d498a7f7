#include <algorithm>

#include "tuning/inotify/inotify.h"

namespace bedplate::inotify {
namespace {

constexpr std::int64_t kKernelInstances = 128;
constexpr std::int64_t kInstances = 8192;
constexpr std::int64_t kKernelLeast = 8192;
constexpr std::int64_t kLeast = 65536;
constexpr std::int64_t kMost = 1048576;
constexpr std::int64_t kStep = 8192;
constexpr std::int64_t kShare = 16;  // of the memory
constexpr std::int64_t kKernelShare = 100;
constexpr std::int64_t kKernelWatchBytes = 1313;
constexpr std::uint64_t kMostMemory = std::uint64_t{1} << 52;

std::int64_t bounded(std::uint64_t bytes) { return static_cast<std::int64_t>(std::min(bytes, kMostMemory)); }

}  // namespace

Limits kernelDefault(std::uint64_t memoryBytes) {
  const std::int64_t watches = bounded(memoryBytes) / kKernelShare / kKernelWatchBytes;
  return {kKernelInstances, std::clamp(watches, kKernelLeast, kMost)};
}

Limits sizeFor(std::uint64_t memoryBytes) {
  const std::int64_t share = bounded(memoryBytes) / kShare / kWatchBytes / kStep * kStep;
  return {kInstances, std::max(std::clamp(share, kLeast, kMost), kernelDefault(memoryBytes).watches)};
}

}  // namespace bedplate::inotify
