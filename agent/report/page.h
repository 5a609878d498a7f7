// `bedplate report`: one HTML page that says what this node's disk and CPU are worth, for an operator and for the
// hosting provider who is to answer for it.
//
// Self-contained: no script, no outside assets, no link that is followed by itself; it is well-formed XML too. All text
// that came from elsewhere is escaped. Times are UTC, as the reader may sit anywhere.
// Thread-safety: free functions and plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/report/measurements.h"
#include "agent/report/report.h"

namespace bedplate::report {

struct PageInput {
  Status status;
  Measurements measurements;
  std::vector<apply::Generation> generations;  // newest first
  std::int64_t nowUs = 0;
  std::optional<std::string> card;  // JSON of the node's card (docs/bench.md)
  // Leaves out what is nobody else's business: repository, commits, generations, drift.
  bool hostOnly = false;
};

std::string page(const PageInput& input);

}  // namespace bedplate::report
