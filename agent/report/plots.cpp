#include "agent/report/plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "agent/report/svg.h"
#include "agent/report/text.h"

namespace bedplate::report {
namespace {

using Anchor = Svg::Anchor;

// Small enough that a phone shows the words large enough, as the picture is as wide as its column.
constexpr int kWidth = 400, kHeight = 206;
constexpr double kLeft = 46, kRight = 386, kTop = 22, kBottom = 168;

double across(double share) { return kLeft + (kRight - kLeft) * std::clamp(share, 0.0, 1.0); }
double up(double share) { return kBottom - (kBottom - kTop) * std::clamp(share, 0.0, 1.0); }

// A logarithmic axis from one power of ten to another.
struct Decades {
  int from = 0, to = 1;
  [[nodiscard]] double share(double value) const {
    if (!(value > 0)) return 0;
    return std::clamp((std::log10(value) - from) / (to - from), 0.0, 1.0);
  }
};

Decades decadesOf(double least, double most) {
  Decades axis{static_cast<int>(std::floor(std::log10(least) + 1e-9)),
               static_cast<int>(std::ceil(std::log10(most) - 1e-9))};
  if (axis.to <= axis.from) axis.to = axis.from + 1;
  return axis;
}

void frame(Svg& svg) { svg.line({kLeft, kBottom}, {kRight, kBottom}, "axis"); }

void decadeRows(Svg& svg, const Decades& axis) {
  for (int power = axis.from; power <= axis.to; ++power) {
    const double y = up(axis.share(std::pow(10.0, power)));
    svg.line({kLeft, y}, {kRight, y}, "grid");
    svg.text({kLeft - 5, y + 4}, secondsWords(std::pow(10.0, power)), "tick", Anchor::end);
  }
}

// "1", "100", "10k", "1M".
std::string tenTo(int power) {
  constexpr std::array<std::string_view, 5> kUnits = {"", "k", "M", "G", "T"};
  const auto thousands = std::min(static_cast<std::size_t>(power / 3), kUnits.size() - 1);
  return fmt::format("{:.0f}{}", std::pow(10.0, power - 3 * static_cast<int>(thousands)), kUnits[thousands]);
}

struct Times {
  std::int64_t fromUs = 0, toUs = 1;
  [[nodiscard]] double x(std::int64_t us) const {
    return across(static_cast<double>(us - fromUs) / static_cast<double>(std::max<std::int64_t>(toUs - fromUs, 1)));
  }
};

void timeTicks(Svg& svg, const Times& times) {
  constexpr std::int64_t kMinute = 60'000'000, kHour = 60 * kMinute, kDay = 24 * kHour;
  constexpr std::int64_t kMostTicks = 7;
  constexpr std::array kSteps = {5 * kMinute, 15 * kMinute, kHour,    3 * kHour, 6 * kHour,
                                 12 * kHour,  kDay,         2 * kDay, 5 * kDay,  30 * kDay};
  std::int64_t step = kSteps.back();
  for (const std::int64_t one : kSteps)
    if ((times.toUs - times.fromUs) / one <= kMostTicks) {
      step = one;
      break;
    }
  const std::size_t begin = step < kDay ? 11 : 5;  // of "2026-11-23 14:02:11": the hour, or the month
  for (std::int64_t us = (times.fromUs / step + 1) * step; us <= times.toUs; us += step) {
    const double x = times.x(us);
    svg.line({x, kBottom}, {x, kBottom + 4}, "axis");
    svg.text({x, kBottom + 16}, dateTime(us, 0).substr(begin, 5), "tick", Anchor::middle);
  }
}

void legend(Svg& svg, const std::vector<std::pair<std::string, std::string>>& entries) {
  double x = kLeft;
  for (const auto& [name, cls] : entries) {
    svg.rect({x, 6}, 9, 9, "fill-" + cls);
    svg.text({x + 13, 14}, name, "tick");
    x += 26 + 6 * static_cast<double>(columns(name));
  }
}

}  // namespace

std::string secondsWords(double seconds) {
  const auto words = [](double value, const char* unit) {
    std::string digits = value < 9.95 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
    if (digits.ends_with(".0")) digits.resize(digits.size() - 2);
    return digits + " " + unit;
  };
  if (!(seconds > 0)) return "0 s";
  if (seconds < 0.9995e-3) return words(seconds * 1e6, "µs");
  if (seconds < 0.9995) return words(seconds * 1e3, "ms");
  return words(seconds, "s");
}

std::string percentWords(double share) {
  const double percent = share * 100;
  return percent < 9.95 ? fmt::format("{:.1f} %", percent) : fmt::format("{:.0f} %", percent);
}

std::string latencyPlot(const LatencyPlot& plot) {
  constexpr int kPerDecade = 12;
  Svg svg(kWidth, kHeight, plot.label);
  double least = 1e-4, most = std::max(0.1, plot.limit * 10);
  for (const auto& bar : plot.bars) {
    if (bar.count <= 0) continue;
    if (bar.from > 0) least = std::min(least, bar.from);
    most = std::max(most, std::isfinite(bar.to) ? bar.to : bar.from * 2);
  }
  const Decades axis = decadesOf(std::max(least, 1e-7), std::min(most, 1e3));
  const auto cells = static_cast<std::size_t>(axis.to - axis.from) * kPerDecade;
  // Wide bars stay what they are; those narrower than a cell are put into it.
  std::vector<LatencyPlot::Bar> bars(cells);
  for (std::size_t i = 0; i < cells; ++i) {
    bars[i].from = std::pow(10.0, axis.from + static_cast<double>(i) / kPerDecade);
    bars[i].to = std::pow(10.0, axis.from + static_cast<double>(i + 1) / kPerDecade);
  }
  for (const auto& bar : plot.bars) {
    const double low = axis.share(bar.from), high = axis.share(std::isfinite(bar.to) ? bar.to : 1e9);
    if (bar.count <= 0) continue;
    if (high - low > 1.0 / static_cast<double>(cells)) {
      bars.push_back(bar);
      continue;
    }
    const double middle = axis.share((bar.from + bar.to) / 2) * static_cast<double>(cells);
    bars[std::min(static_cast<std::size_t>(middle), cells - 1)].count += bar.count;
  }
  std::int64_t tallest = 1;
  for (const auto& bar : bars) tallest = std::max(tallest, bar.count);
  const double top = std::max(1.0, std::ceil(std::log10(static_cast<double>(tallest)) + 0.2));
  // One is a line of its own height, not nothing.
  const auto height = [&](double count) { return (std::log10(count) + 0.35) / (top + 0.35); };
  for (int power = 0; power <= static_cast<int>(top); power += top > 4 ? 2 : 1) {
    const double y = up(height(std::pow(10.0, power)));
    svg.line({kLeft, y}, {kRight, y}, "grid");
    svg.text({kLeft - 5, y + 4}, tenTo(power), "tick", Anchor::end);
  }
  for (int power = axis.from; power <= axis.to; ++power) {
    const double x = across(axis.share(std::pow(10.0, power)));
    svg.line({x, kBottom}, {x, kBottom + 4}, "axis");
    svg.text({x, kBottom + 16}, secondsWords(std::pow(10.0, power)), "tick", Anchor::middle);
  }
  for (const auto& bar : bars) {
    if (bar.count <= 0) continue;
    const double x = across(axis.share(bar.from));
    const double right = across(axis.share(std::isfinite(bar.to) ? bar.to : 1e9));
    const double y = up(height(static_cast<double>(bar.count)));
    const bool over = plot.limit > 0 && bar.from >= plot.limit * 0.999;
    svg.rect({x + 0.5, y}, std::max(right - x - 1, 1.5), kBottom - y, over ? "fill-bad" : "fill-a",
             fmt::format("{} to {}: {}", secondsWords(bar.from), std::isfinite(bar.to) ? secondsWords(bar.to) : "more",
                         bar.count));
  }
  frame(svg);
  if (plot.limit > 0) {
    const double x = across(axis.share(plot.limit));
    svg.line({x, kTop - 4}, {x, kBottom}, "limit");
    svg.text({x + 4, kTop + 4}, "limit " + secondsWords(plot.limit), "limit-text");
  }
  if (plot.p99) {
    const double x = across(axis.share(*plot.p99));
    svg.line({x, kTop - 4}, {x, kBottom}, "mark");
    const bool left = plot.limit > 0 ? *plot.p99<plot.limit : x>(kLeft + kRight) / 2;
    svg.text({left ? x - 4 : x + 4, kTop + (left ? 4 : 18)}, "p99 " + secondsWords(*plot.p99), "mark-text",
             left ? Anchor::end : Anchor::start);
  }
  svg.text({(kLeft + kRight) / 2, kHeight - 4}, "duration of one flush (both axes logarithmic)", "tick",
           Anchor::middle);
  return svg.take();
}

namespace {

// What can be seen: the most of each column, which is what a reader looks for; nothing that is no number.
std::vector<std::pair<std::int64_t, double>> thinned(const std::vector<std::pair<std::int64_t, double>>& points,
                                                     const Times& times) {
  std::vector<std::pair<std::int64_t, double>> seen;
  double column = -1;
  for (const auto& [us, value] : points) {
    if (!std::isfinite(value)) continue;
    const double at = std::floor(times.x(us));
    if (seen.empty() || at != column)
      seen.emplace_back(us, value);
    else if (value > seen.back().second)
      seen.back() = {us, value};
    column = at;
  }
  return seen;
}

// Points that belong to one line: a gap of more than three usual steps is a gap.
std::vector<std::vector<Svg::Point>> strokes(const TimePlot::Series& series, const Times& times, auto y) {
  std::vector<std::int64_t> steps;
  for (std::size_t i = 1; i < series.points.size(); ++i)
    steps.push_back(series.points[i].first - series.points[i - 1].first);
  std::int64_t usual = 0;
  if (!steps.empty()) {
    const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
    std::nth_element(steps.begin(), middle, steps.end());
    usual = *middle;
  }
  std::vector<std::vector<Svg::Point>> all;
  std::int64_t last = 0;
  for (const auto& [us, value] : series.points) {
    if (all.empty() || us - last > 3 * usual) all.emplace_back();
    all.back().emplace_back(times.x(us), y(value));
    last = us;
  }
  return all;
}

void drawSeries(Svg& svg, const TimePlot::Series& series, const Times& times, auto y, auto words) {
  constexpr std::size_t kTips = 150;  // beyond, they would be most of the page
  if (series.joined)
    for (const auto& stroke : strokes(series, times, y)) {
      svg.path(stroke, "stroke-" + series.cls);
      if (stroke.size() == 1) svg.circle(stroke.front(), 1.5, "fill-" + series.cls);
    }
  if (series.points.size() > kTips && series.joined) return;
  for (const auto& [us, value] : series.points) {
    const std::string tip = series.points.size() > kTips ? std::string() : dateTime(us, 0) + " UTC: " + words(value);
    svg.circle({times.x(us), y(value)}, series.joined ? 1.6 : 2.4, "fill-" + series.cls, tip);
  }
}

}  // namespace

std::string timePlot(const TimePlot& given) {
  TimePlot plot = given;
  for (auto& series : plot.series) series.points = thinned(series.points, {plot.fromUs, plot.toUs});
  Svg svg(kWidth, kHeight, plot.label);
  const Times times{plot.fromUs, plot.toUs};
  double least = plot.limit.value_or(1), most = plot.limit.value_or(0);
  for (const auto& series : plot.series)
    for (const auto& [us, value] : series.points) {
      if (value > 0) least = std::min(least, value);
      most = std::max(most, value);
    }
  const auto draw = [&](auto y, auto words) {
    for (const auto& series : plot.series) drawSeries(svg, series, times, y, words);
    if (!plot.limit) return;
    svg.line({kLeft, y(*plot.limit)}, {kRight, y(*plot.limit)}, "limit");
    svg.text({kRight, y(*plot.limit) - 4}, "limit " + words(*plot.limit), "limit-text", Anchor::end);
  };
  if (plot.scale == TimePlot::Scale::logSeconds) {
    const Decades axis = decadesOf(std::max(std::min(least, most), 1e-7), std::max(most, 1e-6));
    decadeRows(svg, axis);
    draw([&](double value) { return up(axis.share(value)); }, secondsWords);
  } else {
    constexpr std::array kTops = {0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0};
    const double top = *std::find_if(kTops.begin(), kTops.end() - 1, [&](double one) { return one > most * 1.05; });
    constexpr int kRows = 4;
    for (int i = 0; i <= kRows; ++i) {
      const double share = static_cast<double>(i) / kRows;
      svg.line({kLeft, up(share)}, {kRight, up(share)}, "grid");
      svg.text({kLeft - 5, up(share) + 4}, percentWords(share * top), "tick", Anchor::end);
    }
    draw([&](double value) { return up(value / top); }, percentWords);
  }
  frame(svg);
  timeTicks(svg, times);
  std::vector<std::pair<std::string, std::string>> names;
  names.reserve(plot.series.size());
  for (const auto& series : plot.series) names.emplace_back(series.name, series.cls);
  legend(svg, names);
  return svg.take();
}

std::string eventPlot(const EventPlot& plot) {
  constexpr std::size_t kSpans = 56;
  Svg svg(kWidth, kHeight, plot.label);
  const Times times{plot.fromUs, plot.toUs};
  std::array<std::array<std::int64_t, 2>, kSpans> counts{};
  for (const auto& [us, right] : plot.events) {
    if (us < plot.fromUs || us > plot.toUs) continue;
    const double share = (times.x(us) - kLeft) / (kRight - kLeft);
    ++counts[std::min(static_cast<std::size_t>(share * kSpans), kSpans - 1)][right ? 0 : 1];
  }
  std::int64_t tallest = 1;
  for (const auto& [right, left] : counts) tallest = std::max(tallest, right + left);
  const std::int64_t step = std::max<std::int64_t>(1, (tallest + 3) / 4);
  const std::int64_t steps = (tallest + step - 1) / step;
  const auto top = static_cast<double>(steps * step);
  for (std::int64_t i = 0; i <= steps * step; i += step) {
    const double y = up(static_cast<double>(i) / top);
    svg.line({kLeft, y}, {kRight, y}, "grid");
    svg.text({kLeft - 5, y + 4}, std::to_string(i), "tick", Anchor::end);
  }
  const double width = (kRight - kLeft) / kSpans;
  for (std::size_t i = 0; i < kSpans; ++i) {
    double below = kBottom;
    for (const std::size_t kind : {0U, 1U}) {
      if (counts[i][kind] == 0) continue;
      const double height = kBottom - up(static_cast<double>(counts[i][kind]) / top);
      svg.rect({kLeft + width * static_cast<double>(i) + 0.5, below - height}, width - 1, height,
               kind == 0 ? "fill-a" : "fill-bad");
      below -= height;
    }
  }
  frame(svg);
  timeTicks(svg, times);
  legend(svg, {{"put back", "a"}, {"left alone", "bad"}});
  return svg.take();
}

}  // namespace bedplate::report
