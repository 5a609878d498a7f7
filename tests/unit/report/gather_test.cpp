#include "agent/report/gather.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/lib/temp_tree.h"
#include "tests/unit/report/sample.h"

namespace bedplate::report {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Gather : public testing::Test {
 protected:
  Gather() {
    config.repository.url = "https://git.nordic-corp.no/infra.git";
    config.repository.path = "clusters/oslo-prod/node";
    config.node.name = "web-01";
    config.node.role = "server";
    config.node.mode = config::Mode::enforce;
    tree.write("proc/sys/net/ipv4/ip_forward", "0\n");
    auto opened = apply::Store::open(tree.files(), clock, apply::Store::Access::readWrite);
    if (!opened) throw std::runtime_error(opened.error().text());
    store.emplace(std::move(*opened));
  }

  Inputs inputs() {
    Inputs in;
    in.config = &config;
    in.store = &*store;
    in.files = &tree.files();
    in.nowUs = clock.wall;
    return in;
  }

  std::int64_t applied(std::vector<apply::Outcome> outcomes, const std::string& commit = std::string(40, 'a')) {
    apply::Generation generation;
    generation.commit = commit;
    generation.subject = "raise conntrack";
    generation.digest = commit;
    generation.cause = "commit";
    const auto number = store->begin(generation);
    EXPECT_TRUE(number);
    clock.advanceMs(210);
    EXPECT_TRUE(store->finish(*number, apply::GenerationState::applied, "", outcomes));
    return *number;
  }

  testlib::TempTree tree;
  testlib::FakeClock clock;
  config::Config config;
  std::optional<apply::Store> store;
};

TEST_F(Gather, WithoutAConfigurationItIsUnconfigured) {
  Inputs in;
  in.nowUs = clock.wall;
  const Status status = gather(in, nullptr);
  EXPECT_EQ(status.mode, "unconfigured");
  EXPECT_EQ(exitStatus(status, clock.wall, true), 3);
}

TEST_F(Gather, TakesTheGenerationAndWhatFailedInIt) {
  const host::Error error{"Invalid", 22, "", "the kernel refuses 70000", ""};
  const auto number = applied({{sysctlChange("net/ipv4/ip_forward", "0", "1"), std::nullopt},
                               {sysctlChange("net/ipv4/ip_default_ttl", "64", "70000"), error},
                               {{plan::Action::writeFile, "etc/rancher/k3s/config.yaml", "", "", "", ""}, error}});
  const Status status = gather(inputs(), nullptr);
  EXPECT_EQ(status.node.name, "web-01");
  EXPECT_EQ(status.node.cluster, "oslo-prod");
  EXPECT_EQ(status.generation.number, number);
  EXPECT_EQ(status.generation.inForce, number);
  EXPECT_EQ(status.generation.changes, 3);
  EXPECT_EQ(status.source.commit, std::string(40, 'a'));
  ASSERT_EQ(status.tuning.failed.size(), 1u);
  EXPECT_EQ(status.tuning.failed[0].subject, "net.ipv4.ip_default_ttl");
  ASSERT_EQ(status.k3s.failed.size(), 1u);
  EXPECT_EQ(status.k3s.failed[0].subject, "/etc/rancher/k3s/config.yaml");
  EXPECT_EQ(exitStatus(status, clock.wall, true), 2);
}

TEST_F(Gather, ANewerOneThatWasTakenBackIsShownWithTheOneInForce) {
  const auto good = applied({});
  apply::Generation bad;
  bad.commit = std::string(40, 'b');
  const auto number = store->begin(bad);
  ASSERT_TRUE(number);
  ASSERT_TRUE(store->finish(*number, apply::GenerationState::rolledBack, "interrupted", {}));
  const Status status = gather(inputs(), nullptr);
  EXPECT_EQ(status.generation.number, *number);
  EXPECT_EQ(status.generation.state, "rolled-back");
  EXPECT_EQ(status.generation.inForce, good);
  EXPECT_EQ(status.source.commit, std::string(40, 'a'));
}

TEST_F(Gather, CountsDriftAndForgetsWhatCameRightByItself) {
  applied({});
  clock.advanceMs(1000);
  const apply::DriftEvent left{clock.wall, "sysctl", "net/ipv4/ip_forward", "0", "1", "unknown", false};
  const apply::DriftEvent file{clock.wall, "file", "etc/rancher/k3s/config.yaml", "a", "b", "unknown", false};
  ASSERT_TRUE(store->addDrift({left, file}));
  Status status = gather(inputs(), nullptr);
  EXPECT_EQ(status.drift.total, 2);
  EXPECT_EQ(status.drift.today, 2);
  EXPECT_EQ(status.drift.unrepaired.size(), 2u);
  tree.write("proc/sys/net/ipv4/ip_forward", "1\n");  // by hand
  status = gather(inputs(), nullptr);
  ASSERT_EQ(status.drift.unrepaired.size(), 1u);
  EXPECT_EQ(status.drift.unrepaired[0].subject, "/etc/rancher/k3s/config.yaml");
  clock.advanceMs(1000);
  apply::DriftEvent repaired = file;
  repaired.repaired = true;
  repaired.wallUs = clock.wall;
  ASSERT_TRUE(store->addDrift({repaired}));
  status = gather(inputs(), nullptr);
  EXPECT_THAT(status.drift.unrepaired, IsEmpty());
  EXPECT_TRUE(status.drift.last->repaired);
}

TEST_F(Gather, WhatIsContestedIsListedByItself) {
  applied({});
  tree.write("proc/sys/net/ipv4/ip_forward", "0\n");
  for (int i = 0; i < 6; ++i) {
    clock.advanceMs(1000);
    ASSERT_TRUE(store->addDrift(apply::DriftEvent{clock.wall, "sysctl", "net/ipv4/ip_forward", "0", "1",
                                                  i == 2 ? "pid 7 x" : "unknown", i < 5}));
  }
  Status status = gather(inputs(), nullptr);
  ASSERT_EQ(status.drift.contested.size(), 1u);
  EXPECT_EQ(status.drift.contested[0].writer, "pid 7 x");
  EXPECT_THAT(status.drift.unrepaired, IsEmpty());
  clock.advanceMs(700'000);
  EXPECT_EQ(gather(inputs(), nullptr).drift.contested.size(), 1u);
  tree.write("proc/sys/net/ipv4/ip_forward", "1\n");
  EXPECT_THAT(gather(inputs(), nullptr).drift.contested, IsEmpty()) << "the other gave up";
  tree.write("proc/sys/net/ipv4/ip_forward", "0\n");
  clock.advanceMs(3'600'000);
  EXPECT_THAT(gather(inputs(), nullptr).drift.contested, IsEmpty()) << "it is tried again";
}

TEST_F(Gather, ASyncBringsTheSourceAndAProblemKeepsTheCommitInForce) {
  applied({});
  apply::SyncResult sync;
  sync.contact = true;
  sync.head = std::string(40, 'b');
  sync.problem = host::Error{"InvalidClusterDirectory", 0, "clusters/x", "has 1 error", "fix it"};
  sync.findings = {{cluster::Severity::warning, "node.yaml", 2, 1, "accepted, not active yet"}};
  source::Commit commit;
  commit.id = *source::ObjectId::fromHex(sync.head);
  commit.committed = 5;
  sync.commit = commit;
  Inputs in = inputs();
  in.sync = &sync;
  in.contactUs = clock.wall - 5;
  const Status status = gather(in, nullptr);
  EXPECT_EQ(status.source.commit, std::string(40, 'a'));
  EXPECT_EQ(status.source.head, sync.head);
  EXPECT_EQ(status.source.checkedUs, clock.wall - 5);
  EXPECT_EQ(status.source.problem->reason, "InvalidClusterDirectory");
  EXPECT_THAT(status.warnings, ElementsAre(cluster::text(sync.findings[0])));
  EXPECT_EQ(exitStatus(status, clock.wall, true), 2);
}

TEST_F(Gather, CarriesOverWhatItIsNotTold) {
  applied({});
  Inputs in = inputs();
  in.contactUs = clock.wall;
  apply::SyncResult sync;
  sync.head = std::string(40, 'a');
  sync.layers = {"cluster"};
  in.sync = &sync;
  const Status before = gather(in, nullptr);
  clock.advanceMs(5000);
  const Status status = gather(inputs(), &before);
  EXPECT_EQ(status.source.contactUs, before.source.contactUs);
  EXPECT_EQ(status.source.head, sync.head);
  EXPECT_THAT(status.layers, ElementsAre("cluster"));
  EXPECT_EQ(status.conditions[0].sinceUs, before.conditions[0].sinceUs);
  EXPECT_EQ(exitStatus(status, clock.wall, true), 0);
}

TEST_F(Gather, ObservedChangesWaitAndAreGoneOnceEnforced) {
  config.node.mode = config::Mode::observe;
  apply::SyncResult sync;
  sync.plan.emplace();
  sync.plan->changes = {sysctlChange("net/ipv4/ip_forward", "0", "1")};
  sync.plan->pending = {{"net/bridge/bridge-nf-call-iptables", "br_netfilter not loaded"}};
  Inputs in = inputs();
  in.sync = &sync;
  in.contactUs = clock.wall;
  const Status observed = gather(in, nullptr);
  EXPECT_EQ(observed.pendingChanges.size(), 1u);
  ASSERT_EQ(observed.tuning.pending.size(), 1u);
  EXPECT_EQ(observed.tuning.pending[0].subject, "net.bridge.bridge-nf-call-iptables");
  EXPECT_EQ(exitStatus(observed, clock.wall, true), 1);
  config.node.mode = config::Mode::enforce;
  applied({});
  sync.applied.emplace();
  EXPECT_THAT(gather(in, &observed).pendingChanges, IsEmpty());
}

TEST_F(Gather, AHoldIsNoProblemButAWarning) {
  applied({});
  ASSERT_TRUE(store->setHold("tree"));
  apply::SyncResult sync;
  sync.problem = host::Error{"Held", 0, "commit b", "is held back by a rollback", ""};
  Inputs in = inputs();
  in.sync = &sync;
  in.contactUs = clock.wall;
  const Status status = gather(in, nullptr);
  EXPECT_FALSE(status.source.problem);
  EXPECT_THAT(status.hold, testing::HasSubstr("bedplate resume"));
  EXPECT_EQ(exitStatus(status, clock.wall, true), 1);
}

TEST_F(Gather, SilenceBeyondTheMaximumAgeIsAProblem) {
  applied({});
  config.trust.maximumAgeMs = 1000;
  Inputs in = inputs();
  in.contactUs = clock.wall - 1'000'000;
  EXPECT_FALSE(gather(in, nullptr).source.problem);
  in.contactUs -= 1;
  EXPECT_EQ(gather(in, nullptr).source.problem->reason, "TooOld");
}

TEST_F(Gather, K3sThatStartedBeforeItsConfigurationChangedMustBeRestarted) {
  const plan::Change change{plan::Action::writeFile, "etc/rancher/k3s/config.yaml", "absent", "1a2b", "", ""};
  applied({{change, std::nullopt}});
  const std::int64_t appliedAt = clock.wall / 1'000'000;
  const auto k3sStartedAt = [&](std::int64_t seconds) {
    tree.write("sys/fs/cgroup/system.slice/k3s.service/cgroup.procs", "77\n78\n");
    tree.write("proc/stat", "cpu 1\nbtime " + std::to_string(seconds) + "\nprocesses 1\n");
    tree.write("proc/77/stat", "77 (k3s-server) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 0 0 0\n");
    tree.write("proc/78/stat", "78 (pause) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 0 0 0\n");
  };
  EXPECT_FALSE(gather(inputs(), nullptr).k3s.restartNeeded);  // it does not run
  k3sStartedAt(appliedAt - 10);
  EXPECT_TRUE(gather(inputs(), nullptr).k3s.restartNeeded);
  k3sStartedAt(appliedAt + 10);
  EXPECT_FALSE(gather(inputs(), nullptr).k3s.restartNeeded);
}

}  // namespace
}  // namespace bedplate::report
