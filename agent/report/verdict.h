// What report needs of a benchmark's stored result (the JSON of tuning/bench), foreign as every stored text.
// Thread-safety: free functions and plain values.
#pragma once

#include <optional>
#include <string>

namespace bedplate::report {

struct Measured {
  std::string verdict;          // "fit", "marginal", "unfit", "unknown"; "" when there is none
  std::string reason;           // the numbers that decided, in words
  std::optional<double> ratio;  // of a steal result
};

Measured measuredFrom(const std::optional<std::string>& json);

}  // namespace bedplate::report
