// Results of the disk as JSON (docs/bench.md), and back. Part of the contract of tuning/bench (bench.h).
// Thread-safety: free functions and plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tuning/bench/disk.h"
#include "tuning/bench/disk_window.h"

namespace bedplate::bench {

// That the disk was left alone, when and why; no reason: it was not.
struct DiskSkip {
  std::int64_t wallUs = 0;
  std::string reason;
};

std::string toJson(const DiskResult& result, std::int64_t wallUs);  // of one run, with its buckets
std::string toJson(const DiskDay& day, const DiskSkip& skip);
std::string toJson(const DiskSkip& skip);

// Back, of foreign text; nullopt for what is none, or has no buckets (an older version's).
std::optional<DiskRound> diskRound(const std::string& json);
std::optional<DiskSkip> diskSkip(const std::string& json);

}  // namespace bedplate::bench
