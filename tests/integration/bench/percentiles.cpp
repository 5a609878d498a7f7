// Percentiles of samples on stdin, one "NANOSECONDS [COUNT]" a line: "p50 p90 p99 p99.9" by the histogram of
// tuning/bench, whatever their number, as fio prints them; then how many samples they are of.
#include <charconv>
#include <cstdint>
#include <iostream>
#include <string>

#include "tuning/bench/histogram.h"

int main() {
  bedplate::bench::Histogram histogram;
  for (std::string line; std::getline(std::cin, line);) {
    std::uint64_t ns = 0, count = 1;
    const char* end = line.data() + line.size();
    const auto [rest, error] = std::from_chars(line.data(), end, ns);
    if (error != std::errc()) return 1;
    if (rest != end && std::from_chars(rest + 1, end, count).ec != std::errc()) return 1;
    for (std::uint64_t i = 0; i < count; ++i) histogram.add(ns);
  }
  for (const double percent : {50.0, 90.0, 99.0, 99.9}) std::cout << histogram.percentile(percent) << " ";
  std::cout << histogram.count() << "\n";
}
