#include "tuning/bench/exposition.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numeric>

namespace bedplate::bench {
namespace {

constexpr std::size_t kMostBuckets = 64;
constexpr double kMostSeconds = 1e7;
constexpr double kMostCount = 9e15;  // whole numbers are exact in a double up to here
constexpr std::uint64_t kFewest = 20;
constexpr double kAbove = 2;

std::string_view takeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

void skipBlanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

std::optional<double> number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || std::isnan(value)) return std::nullopt;
  return value;
}

// What stands behind a metric's name: {label="value",...} VALUE [TIMESTAMP].
struct Sample {
  std::string_view le;  // of the label, "" without it
  double value = 0;
};

// The value between quotes at the beginning of `rest`, taken off; with its escapes, as none of ours has any.
std::optional<std::string_view> takeQuoted(std::string_view& rest) {
  if (!rest.starts_with('"')) return std::nullopt;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '\\') {
      ++i;
    } else if (rest[i] == '"') {
      const std::string_view inside = rest.substr(1, i - 1);
      rest.remove_prefix(i + 1);
      return inside;
    }
  }
  return std::nullopt;
}

bool takeLabels(std::string_view& rest, Sample& sample) {
  rest.remove_prefix(1);
  for (;;) {
    skipBlanks(rest);
    if (rest.starts_with('}')) break;
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return false;
    std::string_view label = rest.substr(0, equals);
    while (!label.empty() && label.back() == ' ') label.remove_suffix(1);
    rest.remove_prefix(equals + 1);
    skipBlanks(rest);
    const auto value = takeQuoted(rest);
    if (!value) return false;
    if (label == "le") sample.le = *value;
    skipBlanks(rest);
    if (rest.starts_with(',')) rest.remove_prefix(1);
  }
  rest.remove_prefix(1);
  return true;
}

std::optional<Sample> parseSample(std::string_view rest) {
  Sample sample;
  if (rest.starts_with('{') && !takeLabels(rest, sample)) return std::nullopt;
  skipBlanks(rest);
  const auto value = number(rest.substr(0, std::min(rest.find_first_of(" \t\r"), rest.size())));
  if (!value) return std::nullopt;
  sample.value = *value;
  return sample;
}

// Calls use(rest of the line) for each line of exactly this name.
template <class Use>
bool eachLine(std::string_view text, std::string_view name, Use use) {
  while (!text.empty()) {
    std::string_view line = takeLine(text);
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    if (line.empty() || (line.front() != '{' && line.front() != ' ' && line.front() != '\t')) continue;
    if (!use(line)) return false;
  }
  return true;
}

host::Failure malformed(std::string_view name, std::string_view why) {
  return host::fail("Malformed", name, why, "the exporter's text is not what Prometheus reads");
}

}  // namespace

std::uint64_t Latencies::count() const { return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}); }

std::uint64_t Latencies::meanNs() const {
  const std::uint64_t all = count();
  return all == 0 ? 0 : static_cast<std::uint64_t>(std::max(sumNs, 0.0) / static_cast<double>(all));
}

std::uint64_t Latencies::over(std::uint64_t ns) const {
  std::uint64_t many = 0;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (i > 0 && leNs[i - 1] >= ns) many += counts[i];
  return many;
}

Quantile quantile(const Latencies& latencies, double share) {
  using Is = Quantile::Is;
  const std::uint64_t all = latencies.count();
  if (latencies.leNs.empty() || all < kFewest || static_cast<double>(all) * (1 - share) < kAbove - 1e-9) return {};
  const double rank = share * static_cast<double>(all);
  double before = 0;
  std::size_t at = 0;
  while (at < latencies.leNs.size() && before + static_cast<double>(latencies.counts[at]) < rank)
    before += static_cast<double>(latencies.counts[at++]);
  if (at == 0) return {Is::below, latencies.leNs.front()};
  if (at == latencies.leNs.size()) return {Is::above, latencies.leNs.back()};
  const double from = static_cast<double>(latencies.leNs[at - 1]);
  const double to = static_cast<double>(latencies.leNs[at]);
  const double within = (rank - before) / static_cast<double>(latencies.counts[at]);
  return {Is::about, static_cast<std::uint64_t>(std::llround(from + (to - from) * within))};
}

host::Result<std::optional<Latencies>> parseLatencies(std::string_view text, std::string_view name) {
  const std::string bucketName = std::string(name) + "_bucket", sumName = std::string(name) + "_sum";
  std::map<double, double> atMost;       // end of the bucket in seconds -> how many up to it, all series
  std::map<double, std::size_t> series;  // and in how many series it is
  std::string_view why;
  const bool good = eachLine(text, bucketName, [&](std::string_view line) {
    const auto sample = parseSample(line);
    const auto le = sample ? number(sample->le) : std::nullopt;
    const bool plausible =
        le && *le >= 0 && (*le <= kMostSeconds || std::isinf(*le)) && sample->value >= 0 && sample->value <= kMostCount;
    if (!plausible) return why = "a bucket cannot be read", false;
    atMost[*le] += sample->value;
    ++series[*le];
    if (atMost.size() > kMostBuckets) return why = "has more than 64 buckets", false;
    return true;
  });
  if (!good) return malformed(name, why);
  if (atMost.empty()) return std::optional<Latencies>();
  if (!std::isinf(atMost.rbegin()->first)) return malformed(name, "has no bucket without end");
  Latencies all;
  double before = 0;
  for (const auto& [le, many] : atMost) {
    if (many < before || many > kMostCount || series[le] != series.rbegin()->second)
      return malformed(name, "has buckets that do not fit together");
    if (!std::isinf(le)) all.leNs.push_back(static_cast<std::uint64_t>(std::llround(le * 1e9)));
    all.counts.push_back(static_cast<std::uint64_t>(many) - static_cast<std::uint64_t>(before));
    before = many;
  }
  if (std::adjacent_find(all.leNs.begin(), all.leNs.end()) != all.leNs.end())
    return malformed(name, "has buckets that do not fit together");
  double sum = 0;
  eachLine(text, sumName, [&](std::string_view line) {
    if (const auto sample = parseSample(line)) sum += sample->value;
    return true;
  });
  if (!(sum >= 0 && sum <= kMostCount)) return malformed(name, "has a sum that cannot be");
  all.sumNs = sum * 1e9;
  return std::optional(std::move(all));
}

std::optional<double> parseValue(std::string_view text, std::string_view name) {
  std::optional<double> value;
  eachLine(text, name, [&](std::string_view line) {
    const auto sample = parseSample(line);
    if (sample && std::isfinite(sample->value)) value = sample->value;
    return false;
  });
  return value;
}

std::optional<Latencies> since(const Latencies& before, const Latencies& after) {
  if (before.leNs != after.leNs || after.sumNs < before.sumNs) return std::nullopt;
  Latencies difference = after;
  for (std::size_t i = 0; i < after.counts.size(); ++i) {
    if (after.counts[i] < before.counts[i]) return std::nullopt;
    difference.counts[i] -= before.counts[i];
  }
  difference.sumNs -= before.sumNs;
  return difference;
}

}  // namespace bedplate::bench
