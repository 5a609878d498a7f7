// A histogram of Prometheus' as our JSON has it (docs/formats.md). Private to tuning/bench; in .cpp files only.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "tuning/bench/exposition.h"

namespace bedplate::bench {

nlohmann::ordered_json latenciesJson(const Latencies& latencies);

}  // namespace bedplate::bench
