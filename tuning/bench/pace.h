// Time and data of a measurement on a disk. Private to tuning/bench.
// Thread-safety: free functions.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace bedplate::bench {

std::int64_t monotonicNow();  // CLOCK_MONOTONIC in ns
// False when it was cancelled before.
bool waitUntil(std::int64_t dueNs, const std::atomic<bool>* cancel);
// Bytes that no file system makes smaller.
std::string noise(std::size_t bytes);

}  // namespace bedplate::bench
