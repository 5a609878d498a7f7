// What the daemon's look at CPU steal costs: a whole minute of it, and of that what is not the burst itself. Built with
// -DBEDPLATE_BENCH=ON.
#include <benchmark/benchmark.h>

#include <atomic>

#include "agent/daemon/cpu_job.h"
#include "tests/lib/temp_tree.h"
#include "tuning/bench/bench.h"

namespace bedplate {
namespace {

// Two readings of /proc/stat, one burst, pressure, judging, JSON.
void aMinute(benchmark::State& state) {
  auto files = host::HostFiles::open("/").value();
  testlib::FakeClock clock;
  daemon::CpuJob job(files, clock);
  daemon::Measuring measuring;
  measuring.active = true;
  const std::atomic<bool> cancel = false;
  const auto next = [&] {
    const std::int64_t due = job.dueNs(measuring, clock.monotonicNs()).value_or(0);
    clock.advanceMs(std::max<std::int64_t>(due - clock.monotonicNs(), 0) / 1'000'000);
    benchmark::DoNotOptimize(job.run(measuring, cancel));
  };
  next();
  for (auto _ : state) {
    next();
    next();
  }
  state.SetLabel("of a minute: 60,000 ms");
}

void aReading(benchmark::State& state) {
  auto files = host::HostFiles::open("/").value();
  for (auto _ : state) benchmark::DoNotOptimize(bench::readSteal(files, 0));
}

void aCard(benchmark::State& state) {
  auto files = host::HostFiles::open("/").value();
  for (auto _ : state) benchmark::DoNotOptimize(bench::readCard(files, "var/lib"));
}

BENCHMARK(aMinute)->Unit(benchmark::kMillisecond);
BENCHMARK(aReading)->Unit(benchmark::kMicrosecond);
BENCHMARK(aCard)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace bedplate

BENCHMARK_MAIN();
