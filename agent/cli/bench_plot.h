// Histograms of latencies drawn with letters. Private to agent/cli.
// Thread-safety: free functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tuning/bench/histogram.h"

namespace bedplate::cli {

struct Plotted {
  std::string title;
  const bench::Histogram* histogram;
};

struct PlotStyle {
  int columns = 80;
  bool utf8 = false;
  std::uint64_t limitNs = 0;  // rows over it are marked; 0: none
};

// One row a range of latencies, in steps of 1, 1.5, 2, 3, 5, 7 (1, 2, 5 where that would be over 20 rows), from the
// first that has samples to the last; one bar a histogram, each as long as its share of the greatest row of its own.
// Not a row where all are empty.
std::vector<std::string> plot(const std::vector<Plotted>& all, const PlotStyle& style);

}  // namespace bedplate::cli
