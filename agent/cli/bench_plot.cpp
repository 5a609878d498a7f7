#include "agent/cli/bench_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace bedplate::cli {
namespace {

constexpr std::size_t kMostRows = 20;
constexpr int kLabel = 12;  // "    0.10 ms "
constexpr int kCount = 8;

// Upper ends of rows, in ns.
std::vector<std::uint64_t> edges(const std::vector<double>& steps) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t decade = 1000; decade < 20'000'000'000; decade *= 10)
    for (const double step : steps)
      all.push_back(static_cast<std::uint64_t>(std::llround(static_cast<double>(decade) * step)));
  return all;
}

// How many samples lie in each row; a bucket belongs to the row of its middle.
std::vector<std::uint64_t> rowsOf(const bench::Histogram& histogram, const std::vector<std::uint64_t>& ends) {
  std::vector<std::uint64_t> rows(ends.size() + 1);
  for (const auto& [index, count] : histogram.sparse()) {
    const auto at = std::upper_bound(ends.begin(), ends.end(), bench::Histogram::valueOf(index)) - ends.begin();
    rows[static_cast<std::size_t>(at)] += count;
  }
  return rows;
}

struct Span {
  std::size_t first = 0, last = 0;
  bool any = false;
};

Span spanOf(const std::vector<std::vector<std::uint64_t>>& rows) {
  Span span;
  for (const auto& one : rows)
    for (std::size_t i = 0; i < one.size(); ++i) {
      if (one[i] == 0) continue;
      span.first = span.any ? std::min(span.first, i) : i;
      span.last = std::max(span.last, i);
      span.any = true;
    }
  return span;
}

// `width` cells in eighths; whatever is not nothing is seen.
std::string bar(double share, int width, bool utf8) {
  constexpr std::array<const char*, 8> kPart = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  std::string text;
  int cells = 0;
  if (utf8) {
    const int eighths = std::max(static_cast<int>(std::lround(share * width * 8)), share > 0 ? 1 : 0);
    for (; cells < eighths / 8; ++cells) text += "█";
    if (eighths % 8 != 0) {
      text += kPart[static_cast<std::size_t>(eighths % 8)];
      ++cells;
    }
  } else {
    cells = std::max(static_cast<int>(std::lround(share * width)), share > 0 ? 1 : 0);
    text.assign(static_cast<std::size_t>(cells), '#');
  }
  return text + std::string(static_cast<std::size_t>(width - cells), ' ');
}

std::string rangeWords(std::uint64_t ns) {
  const double ms = static_cast<double>(ns) / 1e6;
  if (ms < 1) return fmt::format("{:.3g} ms", ms);
  return ms < 1000 ? fmt::format("{:g} ms", ms) : fmt::format("{:g} s", ms / 1000);
}

}  // namespace

std::vector<std::string> plot(const std::vector<Plotted>& all, const PlotStyle& style) {
  std::vector<std::uint64_t> ends;
  std::vector<std::vector<std::uint64_t>> rows;
  Span span;
  for (const auto& steps : {std::vector<double>{1, 1.5, 2, 3, 5, 7}, std::vector<double>{1, 2, 5}}) {
    ends = edges(steps);
    rows.clear();
    for (const auto& one : all) rows.push_back(rowsOf(*one.histogram, ends));
    span = spanOf(rows);
    if (span.last - span.first < kMostRows) break;
  }
  if (!span.any) return {};
  const int width = std::max((style.columns - kLabel) / static_cast<int>(all.size()) - kCount - 1, 4);

  std::string header = fmt::format("{:>{}} ", "up to", kLabel - 1);
  for (const auto& one : all) header += fmt::format("{:<{}}", one.title, width + kCount + 1);
  std::vector<std::string> lines{header.substr(0, header.find_last_not_of(' ') + 1)};
  for (std::size_t i = span.first; i <= span.last; ++i) {
    const bool over = style.limitNs != 0 && i > 0 && ends[i - 1] >= style.limitNs;
    std::string line = i < ends.size() ? fmt::format("{:>{}}{}", rangeWords(ends[i]), kLabel - 1, over ? '!' : ' ')
                                       : fmt::format("{:>{}}{}", "more", kLabel - 1, over ? '!' : ' ');
    bool empty = true;
    for (const auto& one : rows) {
      const std::uint64_t most = *std::max_element(one.begin(), one.end());
      const double share = most == 0 ? 0 : static_cast<double>(one[i]) / static_cast<double>(most);
      line += bar(share, width, style.utf8);
      line += one[i] == 0 ? std::string(kCount, ' ') : fmt::format("{:>{}}", one[i], kCount);
      line += ' ';
      empty = empty && one[i] == 0;
    }
    if (!empty) lines.push_back(line.substr(0, line.find_last_not_of(' ') + 1));
  }
  return lines;
}

}  // namespace bedplate::cli
