// CPU steal from /proc/stat: the time in which a virtual CPU wanted to run and the host let others run.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "tuning/bench/stat_parse.h"
#include "tuning/bench/words.h"
#include "tuning/host/paths.h"

namespace bedplate::bench {
namespace {

constexpr std::size_t kMaxStat = 8 << 20;
constexpr std::size_t kMaxCpus = 8192;
constexpr std::int64_t kMinWindowNs = 1'000'000'000;
constexpr double kMinTicks = 100;
constexpr double kTicksPerSecond = 100;  // USER_HZ, the same everywhere Linux runs
constexpr std::size_t kFields = 8;

host::Failure malformed(std::string_view why) {
  return host::fail("Malformed", "/" + std::string(host::paths::procStat), why);
}

// The numbers behind the name. At least the first four; kernels before steal had fewer than eight.
bool readTimes(std::string_view rest, CpuTimes& times) {
  std::array<std::uint64_t, kFields> values{};
  std::size_t read = 0;
  while (read < kFields) {
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    if (rest.empty()) break;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), values[read]);
    if (error != std::errc()) return false;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (!rest.empty() && rest.front() != ' ') return false;
    ++read;
  }
  times = {values[0], values[1], values[2], values[3], values[4], values[5], values[6], values[7]};
  return read >= 4;
}

// Idle and iowait run backwards by design now and then: no time then.
double passed(std::uint64_t before, std::uint64_t after) {
  return after > before ? static_cast<double>(after - before) : 0;
}

struct Passed {
  double steal = 0;
  double total = 0;
};

// What makes a CPU's two readings no pair.
enum class Odd { no, backwards, jumped, absent };

// More than twice the ticks that fit into the window, with a second to spare, is a counter that jumped.
double mostTicks(std::int64_t windowNs) { return (static_cast<double>(windowNs) / 1e9 * 2 + 1) * kTicksPerSecond; }

Odd between(const CpuTimes& a, const CpuTimes& b, double most, Passed& result) {
  if (b.steal < a.steal) return Odd::backwards;
  result.steal = passed(a.steal, b.steal);
  result.total = passed(a.user, b.user) + passed(a.nice, b.nice) + passed(a.system, b.system) + passed(a.idle, b.idle) +
                 passed(a.iowait, b.iowait) + passed(a.irq, b.irq) + passed(a.softirq, b.softirq) + result.steal;
  return result.total > most ? Odd::jumped : Odd::no;
}

std::string whyNone(Odd worst) {
  if (worst == Odd::backwards)
    return "the steal counters ran backwards, as they do when a virtual machine is moved to another host";
  if (worst == Odd::jumped) return "the kernel's counters jumped between the two readings";
  return {};
}

}  // namespace

host::Result<StealSample> parseStat(std::string_view text) {
  StealSample sample;
  bool total = false;
  while (text.starts_with("cpu")) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(3, end == std::string_view::npos ? end : end - 3);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    CpuTimes times;
    if (line.starts_with(' ')) {
      if (!readTimes(line, times)) return malformed("its cpu line is not numbers");
      sample.total = times;
      total = true;
      continue;
    }
    std::size_t number = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), number);
    if (error != std::errc() || number >= kMaxCpus) return malformed("a CPU's number cannot be read");
    line.remove_prefix(static_cast<std::size_t>(rest - line.data()));
    if (!line.starts_with(' ') || !readTimes(line, times)) return malformed("a CPU's line is not numbers");
    if (sample.cpus.size() <= number) sample.cpus.resize(number + 1);
    sample.cpus[number] = times;
  }
  if (!total) return malformed("it has no cpu line");
  return sample;
}

host::Result<StealSample> readSteal(host::Files& files, std::int64_t monotonicNs) {
  BEDPLATE_TRY_LET(const std::string text, files.read(host::paths::procStat, kMaxStat));
  auto sample = parseStat(text);
  if (!sample) {
    host::Error error = sample.error();
    error.thing = files.shown(host::paths::procStat);
    return host::Failure(std::move(error));
  }
  sample->monotonicNs = monotonicNs;
  return sample;
}

StealShare stealBetween(const StealSample& before, const StealSample& after) {
  StealShare share;
  share.windowNs = std::max<std::int64_t>(after.monotonicNs - before.monotonicNs, 0);
  const double most = mostTicks(share.windowNs);
  Odd worst = Odd::absent;
  bool counted = false;
  const auto count = [&](const CpuTimes& a, const CpuTimes& b, double limit) -> std::optional<double> {
    Passed one;
    const Odd odd = between(a, b, limit, one);
    if (odd != Odd::no) {
      if (worst == Odd::absent) worst = odd;
      return std::nullopt;
    }
    counted = true;
    share.stolenTicks += one.steal;
    share.allTicks += one.total;
    return one.total >= kMinTicks / 2 ? std::optional(one.steal / one.total) : std::nullopt;
  };
  share.perCpu.resize(after.cpus.size());
  for (std::size_t i = 0; i < std::min(before.cpus.size(), after.cpus.size()); ++i)
    if (before.cpus[i] && after.cpus[i]) share.perCpu[i] = count(*before.cpus[i], *after.cpus[i], most);
  // A tree without lines for each CPU.
  if (before.cpus.empty() && after.cpus.empty()) count(before.total, after.total, most * kMaxCpus);
  if (share.windowNs >= kMinWindowNs && share.allTicks >= kMinTicks) {
    share.ratio = share.stolenTicks / share.allTicks;
    return share;
  }
  std::fill(share.perCpu.begin(), share.perCpu.end(), std::nullopt);
  share.why = whyNone(worst);
  if (share.why.empty() && !counted) share.why = "no CPU is in both readings";
  if (share.why.empty())
    share.why = fmt::format("a window of {:.1f} s is too short to judge", static_cast<double>(share.windowNs) / 1e9);
  return share;
}

StealResult judgeSteal(const StealShare& share, bool reported, const std::string& why, double limit) {
  StealResult result;
  result.windowNs = share.windowNs;
  if (!reported) {
    result.reason = "unavailable: " + why;
    return result;
  }
  if (!share.ratio) {
    result.reason = share.why;
    return result;
  }
  result.ratio = share.ratio;
  result.perCpu = share.perCpu;
  result.verdict = Verdict::fit;
  if (*result.ratio > limit / 2) result.verdict = Verdict::marginal;
  if (*result.ratio > limit) result.verdict = Verdict::unfit;
  result.reason = fmt::format("{} of CPU time stolen over {}, limit {}", shareWords(*result.ratio),
                              spanWords(result.windowNs / 1000), shareWords(limit));
  return result;
}

StealResult compareSteal(const StealSample& before, const StealSample& after, bool reported, const std::string& why,
                         double limit) {
  return judgeSteal(stealBetween(before, after), reported, why, limit);
}

}  // namespace bedplate::bench
