// A node with a keeper on it, for the tests of the keeper.
#pragma once

#include <gtest/gtest.h>

#include "agent/apply/generations.h"
#include "agent/apply/held_file.h"
#include "tests/unit/apply/node.h"

namespace bedplate::apply::testing_node {

inline constexpr const char* kManifestA = "var/lib/rancher/k3s/server/manifests/bedplate/a.yaml";

struct KeeperTest : testing::Test {
  KeeperTest() {
    makeNode(tree);
    clock.wall = 4'000'000'000'000'000;  // files that are written now are old for it
    start();
  }
  void start() {
    process.reset();
    process = std::make_unique<Process>(tree, clock, kernel, reach);
  }
  RunResult apply(const plan::Target& target) { return keep(process->keeper.apply(target, "commit")); }
  RunResult repair(bool enforce = true) { return keep(process->keeper.repair(enforce)); }
  RunResult recover() { return keep(process->keeper.recover()); }
  RunResult reboot(const std::string& id) {
    bootKernel(tree, id);
    systemdAtBoot(tree);
    start();
    return recover();
  }
  static RunResult keep(host::Result<RunResult> result) {
    if (!result) throw std::runtime_error(result.error().text());
    return std::move(*result);
  }
  std::string value(const std::string& key) { return sysctl::normaliseValue(tree.read("proc/sys/" + key)); }
  void poke(const std::string& key, const std::string& value) { tree.write("proc/sys/" + key, value + "\n"); }
  std::string bootText() { return tree.read(host::paths::bootSysctl); }
  Generation inForce() { return process->store.latest(GenerationState::applied).value().value(); }
  std::int64_t driftCount() { return process->store.driftCount(0).value(); }
  // Identity and times of everything that lies on the disk.
  std::map<std::string, host::FileInfo> disk() {
    std::map<std::string, host::FileInfo> all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(tree.path())) {
      const std::string path = entry.path().string().substr(tree.path().size() + 1);
      if (path.compare(0, 4, "proc") != 0 && path.compare(0, 3, "sys") != 0)
        all[path] = tree.files().info(path).value();
    }
    return all;
  }

  testlib::TempTree tree;
  testlib::FakeClock clock;
  Kernel kernel{tree.files()};
  Reach* reach = nullptr;
  std::unique_ptr<Process> process;
};

inline plan::Target full() {
  TargetBuilder builder("full");
  builder.module("br_netfilter").sysctl("vm/swappiness", "10").sysctl("net/ipv4/ip_forward", "1").sysctl(kBridge, "1");
  builder.config("node-name: web-01\n").manifest("a.yaml", "kind: A\n").manifest("b.yaml", "kind: B\n");
  return builder.target;
}

}  // namespace bedplate::apply::testing_node
