#include "agent/cli/cpu_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "agent/report/text.h"

namespace bedplate::cli {
namespace {

std::string percent(const std::optional<double>& share) { return share ? fmt::format("{:.2f} %", *share * 100) : "-"; }

std::optional<double> at(const std::vector<std::optional<double>>& of, std::size_t cpu) {
  return cpu < of.size() ? of[cpu] : std::nullopt;
}

struct Row {
  std::size_t cpu = 0;
  double weight = 0;
  std::string text;
};

Row rowOf(const bench::CpuResult& result, std::size_t cpu) {
  const bench::Noise noise = cpu < result.perCpu.size() ? result.perCpu[cpu] : bench::Noise{};
  const auto visible = at(result.visible.perCpu, cpu);
  const std::int64_t watched = noise.ownNs + noise.preemptedNs;
  const std::optional<double> others =
      watched > 0 ? std::optional(static_cast<double>(noise.preemptedNs) / static_cast<double>(watched)) : std::nullopt;
  const std::string longest =
      noise.gaps > 0 ? fmt::format("{:.2f} ms", static_cast<double>(noise.longestNs) / 1e6) : "-";
  return {cpu, visible.value_or(0) + noise.ratio.value_or(0),
          fmt::format("{:>5} {:>10} {:>10} {:>10} {:>12} {:>11} {:>9}", cpu,
                      percent(at(result.windows.shares[0].perCpu, cpu)), percent(visible), percent(noise.ratio),
                      longest, percent(others), percent(noise.slower))};
}

}  // namespace

std::vector<std::string> cpuTable(const bench::CpuResult& result, std::size_t most) {
  std::vector<Row> rows;
  const std::size_t count = std::max(result.visible.perCpu.size(), result.perCpu.size());
  for (std::size_t cpu = 0; cpu < count; ++cpu)
    if (at(result.visible.perCpu, cpu) || (cpu < result.perCpu.size() && result.perCpu[cpu].bursts > 0))
      rows.push_back(rowOf(result, cpu));
  const std::size_t left = rows.size() > most ? rows.size() - most : 0;
  if (left > 0) {
    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.weight > b.weight; });
    rows.resize(most);
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.cpu < b.cpu; });
  }
  std::vector<std::string> lines;
  if (rows.empty()) return lines;
  lines.push_back(fmt::format("{:>5} {:>10} {:>10} {:>10} {:>12} {:>11} {:>9}", "CPU", "steal 5 s", "steal", "hidden",
                              "longest gap", "other tasks", "slower"));
  for (auto& row : rows) lines.push_back(std::move(row.text));
  if (left > 0) lines.push_back(fmt::format("      {} more CPUs with less", left));
  return lines;
}

LiveCpus::~LiveCpus() {
  if (drawn_ > 0) context_.err() << fmt::format("\x1b[{}F\x1b[J", drawn_) << std::flush;
}

void LiveCpus::show(const bench::CpuResult& result, std::int64_t passedNs, std::int64_t windowNs) {
  constexpr std::int64_t kSecondNs = 1'000'000'000;
  constexpr std::size_t kMostRows = 16;
  if (context_.json()) return;
  if (!context_.terminal().tty) {
    if (passedNs - toldNs_ < 5 * kSecondNs) return;
    toldNs_ = passedNs;
    context_.out() << fmt::format("  {:>4} s  steal {} (5 s {})  hidden {}\n", passedNs / kSecondNs,
                                  percent(result.visible.ratio), percent(result.windows.shares[0].ratio),
                                  percent(result.hidden.ratio))
                   << std::flush;
    return;
  }
  std::vector<std::string> lines = cpuTable(result, kMostRows);
  lines.push_back(fmt::format("  {} of {} s", passedNs / kSecondNs, windowNs / kSecondNs));
  std::string text = drawn_ > 0 ? fmt::format("\x1b[{}F", drawn_) : "";
  for (const auto& line : lines) text += report::fit(line, context_.terminal().columns - 1) + "\x1b[K\n";
  context_.err() << text << "\x1b[J" << std::flush;
  drawn_ = lines.size();
}

}  // namespace bedplate::cli
