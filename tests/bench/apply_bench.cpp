// What one application costs: 100 sysctls and 1,000 manifests on a tree of files (put TMPDIR on a tmpfs to leave the
// disk out). Built with -DBEDPLATE_BENCH=ON.
#include <benchmark/benchmark.h>

#include "tests/unit/apply/node.h"

namespace bedplate::apply {
namespace {

using testing_node::makeNode;
using testing_node::Process;
using testing_node::TargetBuilder;

plan::Target big(int changed) {
  TargetBuilder builder("big");
  for (int i = 0; i < 100; ++i)
    builder.sysctl("net/core/key" + std::to_string(i), std::to_string(changed == i ? 3 : 2));
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "app-" + std::to_string(10000 + i) + "-1a2b3c4d.yaml";
    const std::string content = name + std::string(3000, i == changed ? '#' : '.');
    builder.target.files.push_back({plan::Area::manifest, host::joinPath(host::paths::k3sManifests, name),
                                    "manifests/" + name, "cluster", 0600, plan::sha256(content),
                                    std::make_shared<const std::string>(content)});
  }
  return builder.target;
}

struct BigNode {
  BigNode() {
    makeNode(tree);
    for (int i = 0; i < 100; ++i) tree.write("proc/sys/net/core/key" + std::to_string(i), "1\n");
    clock.wall = 4'000'000'000'000'000;
    process = std::make_unique<Process>(tree, clock, tree.files());
  }
  testlib::TempTree tree;
  testlib::FakeClock clock;
  std::unique_ptr<Process> process;
};

void firstApply(benchmark::State& state) {
  const plan::Target target = big(-1);
  for (auto _ : state) {
    state.PauseTiming();
    auto node = std::make_unique<BigNode>();
    state.ResumeTiming();
    if (!node->process->keeper.apply(target, "commit")) state.SkipWithError("apply failed");
    state.PauseTiming();
    node.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(firstApply)->Unit(benchmark::kMillisecond);

void changeOfOne(benchmark::State& state) {
  const plan::Target targets[] = {big(-1), big(7)};
  BigNode node;
  if (!node.process->keeper.apply(targets[0], "commit")) state.SkipWithError("apply failed");
  std::size_t next = 1;
  for (auto _ : state) {
    if (!node.process->keeper.apply(targets[next], "commit")) state.SkipWithError("apply failed");
    next = 1 - next;
  }
}
BENCHMARK(changeOfOne)->Unit(benchmark::kMillisecond);

void nothingToDo(benchmark::State& state) {
  const plan::Target target = big(-1);
  BigNode node;
  for (int i = 0; i < 2; ++i)
    if (!node.process->keeper.apply(target, "commit")) state.SkipWithError("apply failed");
  for (auto _ : state)
    if (!node.process->keeper.apply(target, "commit")) state.SkipWithError("apply failed");
}
BENCHMARK(nothingToDo)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace bedplate::apply

BENCHMARK_MAIN();
