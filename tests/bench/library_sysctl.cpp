// What a check and an application of sysctls cost through sysctl::Tree on the running kernel. Started by sysctls.py in
// a network namespace: library_sysctl FILE BACK, two files with the same keys and other values; they hold BACK.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <string>
#include <vector>

#include "tuning/host/files.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::sysctl {
namespace {

constexpr std::size_t kLimit = 1 << 20;

std::vector<Rule> rulesOf(host::Files& files, std::string path) {
  while (path.starts_with('/')) path.erase(0, 1);
  auto text = files.read(path, kLimit);
  if (!text) {
    std::fprintf(stderr, "library_sysctl: %s\n", text.error().text().c_str());
    return {};
  }
  return parse(*text, path).rules;
}

void check(benchmark::State& state, host::Files& files, const std::vector<Rule>& rules) {
  Tree tree(files);
  for (auto _ : state)
    for (const Rule& rule : rules) {
      const auto held = tree.read(rule.key);
      if (!held || *held != rule.value) state.SkipWithError("another value is held");
    }
  state.counters["keys"] = static_cast<double>(rules.size());
}

// From one set of values to the other and back: each round changes every key.
void apply(benchmark::State& state, host::Files& files, const std::vector<Rule>& there, const std::vector<Rule>& back) {
  Tree tree(files);
  bool forth = true;
  for (auto _ : state) {
    for (const Rule& rule : forth ? there : back)
      if (!tree.write(rule.key, rule.value)) state.SkipWithError("a value was refused");
    forth = !forth;
  }
  for (const Rule& rule : back) static_cast<void>(tree.write(rule.key, rule.value));
  state.counters["keys"] = static_cast<double>(there.size());
}

int run(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  auto files = host::HostFiles::open("/");
  if (argc != 3 || !files) {
    std::fprintf(stderr, "usage: library_sysctl FILE BACK [benchmark options]\n");
    return 64;
  }
  const auto there = rulesOf(*files, argv[1]);
  const auto back = rulesOf(*files, argv[2]);
  if (there.empty() || back.size() != there.size()) return 1;
  benchmark::RegisterBenchmark("checkThroughTree", [&](benchmark::State& state) {
    check(state, *files, back);
  })->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("applyThroughTree", [&](benchmark::State& state) {
    apply(state, *files, there, back);
  })->Unit(benchmark::kMillisecond);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace bedplate::sysctl

int main(int argc, char** argv) { return bedplate::sysctl::run(argc, argv); }
