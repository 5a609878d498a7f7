// Numbers as an operator reads them. Private to tuning/bench.
#pragma once

#include <cstdint>
#include <string>

namespace bedplate::bench {

// "0.23 ms", "2.1 ms", "41 ms", "1.20 s".
std::string latencyWords(std::uint64_t ns);
// "20 s", "5 min", "3 h", "2 d"; below zero as zero.
std::string spanWords(std::int64_t us);
// "0.4 %" from 0.004.
std::string shareWords(double share);

}  // namespace bedplate::bench
