// What report needs of a benchmark's stored result (the JSON of tuning/bench), foreign as every stored text.
// Thread-safety: free functions and plain values.
#pragma once

#include <optional>
#include <string>

namespace bedplate::report {

struct Measured {
  std::string verdict;           // "fit", "marginal", "unfit", "unknown"; "" when there is none
  std::string reason;            // the numbers that decided, in words
  std::optional<double> ratio;   // of a steal result: what the hypervisor says
  std::optional<double> hidden;  // and what it does not
};

Measured measuredFrom(const std::optional<std::string>& json);

// Where `bedplate bench disk` leaves its result for the status: beside the status file, gone with the boot.
std::string diskResultPath();

}  // namespace bedplate::report
