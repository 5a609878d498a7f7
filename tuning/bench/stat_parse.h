// The cpu lines of /proc/stat. Private to tuning/bench; apart for the fuzz target.
#pragma once

#include <string_view>

#include "tuning/bench/bench.h"

namespace bedplate::bench {

// `cpus` is indexed by the CPU's number; one that is offline has none. "Malformed" when there is no "cpu" line, or one
// that is not numbers.
host::Result<StealSample> parseStat(std::string_view text);

}  // namespace bedplate::bench
