// /proc/stat, /proc/pressure, schedstat and cgroups; two readings of it compared, and results as a state database may
// hold them.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tuning/bench/attribution.h"
#include "tuning/bench/stat_parse.h"

namespace bench = bedplate::bench;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto require = [](bool holds) {
    if (!holds) std::abort();
  };
  const std::string text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(bench::summary(text, 1'790'000'000'000'000));
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
