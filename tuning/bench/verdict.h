// What a measurement says of the node. Part of the contract of tuning/bench (bench.h).
// Thread-safety: free functions.
#pragma once

namespace bedplate::bench {

enum class Verdict { fit, marginal, unfit, unknown };
const char* name(Verdict verdict);

}  // namespace bedplate::bench
