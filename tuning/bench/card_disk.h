// Private to tuning/bench.
#pragma once

#include "tuning/bench/card.h"

namespace bedplate::bench {

Place findPlace(host::Files& files, const std::string& directory);

}  // namespace bedplate::bench
