#include "tuning/bench/osnoise.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>

#include "tuning/bench/attribution.h"
#include "tuning/bench/steal.h"
#include "tuning/bench/words.h"
#include "tuning/host/paths.h"

namespace bedplate::bench {
namespace {

constexpr std::int64_t kTickNs = 10'000'000;  // of /proc/stat
constexpr std::size_t kMostChunks = 512;
constexpr std::size_t kFewestChunks = 20;
constexpr std::int64_t kLongestBurstNs = 1'000'000'000;
constexpr int kMostCpus = 8192;
constexpr const char* kUnknownTodo = "only the steal that the hypervisor reports can be told here";

std::int64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// A set of CPUs of any size.
class CpuSet {
 public:
  CpuSet() : set_(CPU_ALLOC(kMostCpus), &release), size_(CPU_ALLOC_SIZE(kMostCpus)) {
    if (set_) CPU_ZERO_S(size_, set_.get());
  }
  bool load() { return set_ && ::sched_getaffinity(0, size_, set_.get()) == 0; }
  [[nodiscard]] int store() const { return set_ && ::sched_setaffinity(0, size_, set_.get()) == 0 ? 0 : errno; }
  void add(int cpu) { CPU_SET_S(static_cast<std::size_t>(cpu), size_, set_.get()); }
  [[nodiscard]] bool has(int cpu) const { return CPU_ISSET_S(static_cast<std::size_t>(cpu), size_, set_.get()) != 0; }
  [[nodiscard]] bool valid() const { return set_ != nullptr; }

 private:
  static void release(cpu_set_t* set) { CPU_FREE(set); }
  std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set_;
  std::size_t size_;
};

// The thread on one CPU, for as long as this lives.
class Pinned {
 public:
  Pinned() = default;
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  ~Pinned() {
    if (pinned_) static_cast<void>(before_.store());
  }
  host::Status to(int cpu) {
    const std::string thing = fmt::format("CPU {}", cpu);
    CpuSet one;
    if (cpu < 0 || cpu >= kMostCpus || !one.valid() || !before_.load() || !before_.has(cpu))
      return host::fail("Denied", thing, "this thread may not run on it");
    one.add(cpu);
    if (const int error = one.store(); error != 0) return host::failErrno(error, thing, "cannot run on it");
    pinned_ = true;
    return {};
  }

 private:
  CpuSet before_;
  bool pinned_ = false;
};

// The thread's own count, read at each gap: on one open descriptor, which belongs to the thread that opened it.
class OwnSchedStat {
 public:
  host::Status open(host::HostFiles& files) {
    auto fd = files.openAt(host::paths::threadSchedStat, O_RDONLY);
    if (fd) {
      fd_ = std::move(*fd);
      if (read()) return {};
    }
    return host::fail("Unknown", files.shown(host::paths::threadSchedStat),
                      "this kernel does not say who was the cause of a gap", kUnknownTodo);
  }
  [[nodiscard]] std::optional<SchedStat> read() const {
    std::array<char, 128> text{};
    const ssize_t n = ::pread(fd_.get(), text.data(), text.size(), 0);
    return n <= 0 ? std::nullopt : parseSchedStat({text.data(), static_cast<std::size_t>(n)});
  }

 private:
  host::UniqueFd fd_;
};

void watch(const OwnSchedStat& own, const BurstOptions& options, Burst& burst) {
  SchedStat before = own.read().value_or(SchedStat{});
  const std::int64_t begin = now();
  std::int64_t last = begin, away = 0, looks = 0, gone = 0;
  while (last - begin < options.watchNs) {
    const std::int64_t time = now();
    ++looks;
    const std::int64_t length = time - last;
    last = time;
    if (length <= options.gapNs) continue;
    gone += length;
    const SchedStat after = own.read().value_or(before);
    attribute(burst, length, before, after);
    before = after;
    last = now();
    away += last - time;
  }
  burst.watchedNs = last - begin - away;
  burst.clockNs = (burst.watchedNs - gone) / std::max<std::int64_t>(looks, 1);
}

// Always the same work: four chains that do not wait for each other, so that a neighbour on the same core is felt.
std::uint64_t chunk(std::uint64_t seed) {
  std::array<std::uint64_t, 4> lanes = {seed, seed + 1, seed + 2, seed + 3};
  for (int i = 0; i < 2500; ++i)
    for (auto& lane : lanes) {
      lane ^= lane << 13;
      lane ^= lane >> 7;
      lane ^= lane << 17;
    }
  return lanes[0] ^ lanes[1] ^ lanes[2] ^ lanes[3];
}

void work(const BurstOptions& options, Burst& burst) {
  std::array<std::int64_t, kMostChunks> times{};
  std::size_t count = 0;
  std::uint64_t seed = 0x9E3779B97F4A7C15U;
  const std::int64_t end = now() + options.chunksNs;
  for (std::int64_t last = now(); last < end && count < times.size(); ++count) {
    seed = chunk(seed) | 1;
    asm volatile("" : "+r"(seed));  // the work is done, whatever the compiler thinks of it
    const std::int64_t time = now();
    times[count] = time - last;
    last = time;
  }
  if (count < kFewestChunks) return;
  std::sort(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(count));
  burst.chunkP5Ns = times[count / 20];
  burst.chunkP50Ns = times[count / 2];
}

std::optional<CpuTimes> timesOf(host::HostFiles& files, int cpu) {
  const auto sample = readSteal(files, 0);
  const auto at = static_cast<std::size_t>(cpu);
  return sample && at < sample->cpus.size() ? sample->cpus[at] : std::nullopt;
}

std::int64_t ticksNs(std::uint64_t before, std::uint64_t after) {
  constexpr std::uint64_t kMost = static_cast<std::uint64_t>(10 * kLongestBurstNs / kTickNs);
  return after > before && after - before < kMost ? static_cast<std::int64_t>(after - before) * kTickNs : 0;
}

std::int64_t throttledNs(host::HostFiles& files, const std::vector<std::string>& paths) {
  std::int64_t sum = 0;
  for (const auto& path : paths)
    if (const auto text = files.read(path, 64 << 10)) sum += std::min(parseThrottledNs(*text), INT64_MAX / 64);
  return sum;
}

std::vector<std::string> ownGroups(host::HostFiles& files) {
  const auto text = files.read(host::paths::selfCgroups, 64 << 10);
  return text ? throttlePaths(*text) : std::vector<std::string>();
}

std::int64_t middle(std::vector<std::int64_t> values) {
  if (values.empty()) return 0;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace

std::vector<int> watchableCpus() {
  std::vector<int> cpus;
  CpuSet set;
  if (!set.load()) return cpus;
  for (int cpu = 0; cpu < kMostCpus; ++cpu)
    if (set.has(cpu)) cpus.push_back(cpu);
  return cpus;
}

host::Result<Burst> watchCpu(host::HostFiles& files, int cpu, const BurstOptions& options) {
  if (options.gapNs < 1000 || options.watchNs < options.gapNs || options.watchNs > kLongestBurstNs ||
      options.chunksNs < 0 || options.chunksNs > kLongestBurstNs)
    return host::fail("Invalid", "burst", "must be of at least a gap and at most a second");
  if (files.shown("") != "/")
    return host::fail("Unknown", files.shown(""), "a tree of files has no CPUs to watch", kUnknownTodo);
  OwnSchedStat own;
  BEDPLATE_TRY(own.open(files));
  const auto groups = ownGroups(files);
  Pinned pinned;
  BEDPLATE_TRY(pinned.to(cpu));
  Burst burst;
  burst.cpu = cpu;
  const std::int64_t throttledBefore = throttledNs(files, groups);
  const auto before = timesOf(files, cpu);
  watch(own, options, burst);
  const auto after = timesOf(files, cpu);
  burst.throttledNs = std::clamp<std::int64_t>(throttledNs(files, groups) - throttledBefore, 0, burst.preemptedNs);
  if (before && after) {
    burst.stealNs = ticksNs(before->steal, after->steal);
    burst.interruptNs = ticksNs(before->irq, after->irq) + ticksNs(before->softirq, after->softirq);
  }
  if (options.chunksNs > 0) work(options, burst);
  return burst;
}

Noise noiseOf(const std::vector<Burst>& bursts) {
  Noise noise;
  std::vector<std::int64_t> best, usual, clock;
  for (const Burst& burst : bursts) {
    noise.ownNs += std::max<std::int64_t>(burst.watchedNs - burst.preemptedNs, 0);
    noise.preemptedNs += burst.preemptedNs;
    noise.throttledNs += burst.throttledNs;
    noise.beneathNs += burst.beneathNs;
    noise.stealNs += burst.stealNs;
    noise.interruptNs += burst.interruptNs;
    noise.longestNs = std::max(noise.longestNs, burst.longestNs);
    noise.gaps += burst.gaps;
    clock.push_back(burst.clockNs);
    if (burst.chunkP5Ns <= 0) continue;
    best.push_back(burst.chunkP5Ns);
    usual.push_back(burst.chunkP50Ns);
  }
  noise.bursts = bursts.size();
  noise.clockNs = middle(std::move(clock));
  if (!best.empty()) {
    const auto at = best.begin() + static_cast<std::ptrdiff_t>(best.size() / 20);
    std::nth_element(best.begin(), at, best.end());
    noise.slower = std::max(static_cast<double>(middle(usual)) / static_cast<double>(*at) - 1, 0.0);
  }
  if (noise.ownNs < kEnoughNoiseNs) {
    if (!bursts.empty())
      noise.why = fmt::format("{} watched, it takes {}", latencyWords(static_cast<std::uint64_t>(noise.ownNs)),
                              latencyWords(static_cast<std::uint64_t>(kEnoughNoiseNs)));
    return noise;
  }
  noise.why.clear();
  // Interrupts of less than a gap's length are taken off as well: it is what went beneath at least.
  const std::int64_t hidden = std::max<std::int64_t>(noise.beneathNs - noise.stealNs - noise.interruptNs, 0);
  noise.ratio = std::min(static_cast<double>(hidden) / static_cast<double>(noise.ownNs), 1.0);
  return noise;
}

}  // namespace bedplate::bench
