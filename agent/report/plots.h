// The plots of the report page, each a whole SVG picture. Times are UTC.
// Thread-safety: free functions and plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bedplate::report {

// How often which latency was seen, on a logarithmic axis, both ways: one flush in ten thousand is to be seen.
struct LatencyPlot {
  std::string label;
  // From where to where in seconds, and how many. Narrow ones (a probe's) are put together.
  struct Bar {
    double from = 0, to = 0;
    std::int64_t count = 0;
  };
  std::vector<Bar> bars;
  double limit = 0;           // seconds; what lies beyond is marked
  std::optional<double> p99;  // seconds
};
std::string latencyPlot(const LatencyPlot& plot);

// Values over time.
struct TimePlot {
  enum class Scale { logSeconds, share };
  struct Series {
    std::string name;
    std::string cls;  // of the page's style
    std::vector<std::pair<std::int64_t, double>> points;
    bool joined = true;
  };
  std::string label;
  Scale scale = Scale::logSeconds;
  std::int64_t fromUs = 0, toUs = 0;
  std::optional<double> limit;
  std::vector<Series> series;
};
std::string timePlot(const TimePlot& plot);

// How many events when: bars of equal spans, those that were left alone on top of those that were put right.
struct EventPlot {
  std::string label;
  std::int64_t fromUs = 0, toUs = 0;
  std::vector<std::pair<std::int64_t, bool>> events;  // when, put right
};
std::string eventPlot(const EventPlot& plot);

// "100 µs", "2.5 ms", "1.2 s".
std::string secondsWords(double seconds);
// "2.5 %".
std::string percentWords(double share);

}  // namespace bedplate::report
