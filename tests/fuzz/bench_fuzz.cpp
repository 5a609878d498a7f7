// /proc/stat, /proc/pressure, schedstat and cgroups; two readings of it compared, and results as a state database may
// hold them: a line a sample of the disk.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tuning/bench/attribution.h"
#include "tuning/bench/bench.h"
#include "tuning/bench/stat_parse.h"

namespace bench = bedplate::bench;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// Whatever stood in the database, a day is made of it whose numbers are in their order, and it can be read again.
void disks(const std::string& text) {
  bench::DiskWindow window;
  std::int64_t last = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    static_cast<void>(bench::diskSkip(line));
    auto round = bench::diskRound(line);
    if (!round) continue;
    last = std::max(last, round->wallUs);
    window.add(*std::move(round));
  }
  const bench::DiskDay day = window.day({}, last);
  const bench::Percentiles found = bench::percentilesOf(day.seen.service);
  require(found.p50Ns.value_or(0) <= found.p90Ns.value_or(~std::uint64_t{0}));
  require(found.p90Ns.value_or(0) <= found.p99Ns.value_or(~std::uint64_t{0}));
  require(found.p99LowNs.value_or(0) <= found.p99Ns.value_or(~std::uint64_t{0}));
  require(found.p99Ns.value_or(0) <= found.p99HighNs.value_or(~std::uint64_t{0}));
  require(day.judged.verdict == bench::Verdict::unknown || day.rounds > 0);
  require(!bench::summary(bench::toJson(day, {}), last).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(bench::summary(text, 1'790'000'000'000'000));
  disks(text);
  // What the kernel says of pressure, of the thread's own waiting and of its cgroup.
  if (const auto pressure = bench::parsePressure(text)) {
    for (const auto& stalled : {pressure->some, pressure->full})
      require(!stalled || (stalled->avg10 >= 0 && stalled->avg10 <= 1 && stalled->avg300 >= 0 && stalled->avg300 <= 1));
  }
  static_cast<void>(bench::parseSchedStat(text));
  require(bench::parseThrottledNs(text) >= 0);
  const auto groups = bench::throttlePaths(text);
  require(groups.size() <= 32);
  for (const auto& path : groups) require(path.starts_with("sys/fs/cgroup/") && path.find("/../") == std::string::npos);
  // The input is two readings, one behind the other.
  const std::size_t middle = text.find("\ncpu ");
  auto before = bench::parseStat(text.substr(0, middle));
  auto after = bench::parseStat(middle == std::string::npos ? text : text.substr(middle + 1));
  if (!before || !after) return 0;
  before->monotonicNs = 1'000'000'000;
  after->monotonicNs = 11'000'000'000;
  const bench::StealResult result = bench::compareSteal(*before, *after, true, "", 0.05);
  const auto share = [](double value) { return std::isfinite(value) && value >= 0 && value <= 1; };
  require(!result.ratio || share(*result.ratio));
  for (const auto& one : result.perCpu) require(!one || share(*one));
  bench::CpuResult cpu;
  cpu.visible = result;
  bench::judgeCpu(cpu, 0.05);
  require(!bench::summary(bench::toJson(cpu, 1), 2).empty());
  return 0;
}
