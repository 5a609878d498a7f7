#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/report/report.h"
#include "tests/unit/report/sample.h"

namespace bedplate::report {
namespace {

Condition of(const Status& status, const std::string& type) {
  for (const auto& one : status.conditions)
    if (one.type == type) return one;
  ADD_FAILURE() << "no condition " << type;
  return {};
}

int judged(Status& status, bool alive = true) {
  judge(status, nullptr);
  return exitStatus(status, kNow, alive);
}

host::Error problem(const std::string& reason) { return {reason, 0, "the remote", "why", "todo"}; }

TEST(Judge, GoodIsReadyAndZero) {
  Status status = goodStatus();
  EXPECT_EQ(judged(status), 0);
  EXPECT_EQ(of(status, "Ready").status, "True");
  EXPECT_EQ(of(status, "Reconciling").status, "False");
  EXPECT_EQ(of(status, "Stalled").status, "False");
  EXPECT_EQ(of(status, "SourceVerified").status, "True");
  EXPECT_EQ(of(status, "DiskFit").reason, "NotMeasured");
  EXPECT_EQ(status.conditions.size(), 10u);
}

TEST(Judge, APendingKeyIsNoReasonToWorry) {
  Status status = goodStatus();
  status.tuning.pending = {{"net.bridge.bridge-nf-call-iptables", "br_netfilter not loaded"}};
  EXPECT_EQ(judged(status), 0);
  EXPECT_EQ(of(status, "Tuned").reason, "SomePending");
}

TEST(Judge, AnUnreachableRemoteWithALastGoodStateIsAWarning) {
  Status status = goodStatus();
  status.source.problem = problem("RemoteUnreachable");
  EXPECT_EQ(judged(status), 1);
  EXPECT_EQ(of(status, "Ready").reason, "LastGoodInForce");
  EXPECT_EQ(of(status, "Reconciling").status, "True");
  EXPECT_EQ(of(status, "Stalled").status, "False");
  EXPECT_EQ(of(status, "SourceVerified").reason, "RemoteUnreachable");
}

TEST(Judge, WhatNeedsAHumanIsStalledAndCritical) {
  for (const char* reason : {"HostKeyRefused", "NotDescendant", "InvalidClusterDirectory", "PathNotFound",
                             "RoleUnknown", "IdentityChanged", "TakenBack", "BranchNotFound", "TooOld", "NoSpace"}) {
    Status status = goodStatus();
    status.source.problem = problem(reason);
    EXPECT_EQ(judged(status), 2) << reason;
    EXPECT_EQ(of(status, "Stalled").status, "True");
    EXPECT_EQ(of(status, "Ready").status, "False");
    EXPECT_EQ(of(status, "Ready").reason, reason);
  }
}

TEST(Judge, FailedKeysAndFilesAreCritical) {
  Status keys = goodStatus();
  keys.tuning.failed = {{"net.ipv4.ip_default_ttl", "refused"}, {"b", "c"}};
  EXPECT_EQ(judged(keys), 2);
  EXPECT_EQ(of(keys, "Ready").reason, "KeysFailed");
  EXPECT_EQ(of(keys, "Tuned").status, "False");
  keys.tuning.failed.push_back({"net.ipv4.ip_forward", "taken back: it is silent", "CutOff"});
  EXPECT_EQ(judged(keys), 2);
  EXPECT_EQ(of(keys, "Ready").reason, "CutOff");
  EXPECT_EQ(of(keys, "Ready").message, "net.ipv4.ip_forward: taken back: it is silent");
  Status files = goodStatus();
  files.k3s.failed = {{"/var/lib/rancher/k3s/server/manifests/bedplate/a.yaml", "no space"}};
  EXPECT_EQ(judged(files), 2);
  EXPECT_EQ(of(files, "ManifestsApplied").status, "False");
  EXPECT_EQ(of(files, "K3sConfigured").status, "True");
}

TEST(Judge, ObserveWithChangesPendingSuspendedAndHeldAreWarnings) {
  Status observe = goodStatus();
  observe.mode = "observe";
  observe.pendingChanges = {sysctlChange("net/ipv4/ip_forward", "0", "1")};
  EXPECT_EQ(judged(observe), 1);
  EXPECT_EQ(of(observe, "Ready").reason, "Observing");
  EXPECT_EQ(of(observe, "Tuned").reason, "Pending");
  Status suspended = goodStatus();
  suspended.suspended = apply::Suspension{"maintenance", kNow, 0};
  EXPECT_EQ(judged(suspended), 1);
  Status held = goodStatus();
  held.hold = "held";
  EXPECT_EQ(judged(held), 1);
  Status restart = goodStatus();
  restart.k3s.restartNeeded = true;
  EXPECT_EQ(judged(restart), 1);
  EXPECT_EQ(of(restart, "K3sConfigured").reason, "RestartNeeded");
  restart.k3s.restart.state = "waiting";
  restart.k3s.restart.why = "the window opens at 2026-11-29T02:00:00Z";
  restart.k3s.restart.keys = {"debug: false -> true"};
  EXPECT_EQ(judged(restart), 1);
  EXPECT_EQ(of(restart, "Ready").status, "True");
  EXPECT_EQ(of(restart, "K3sConfigured").reason, "RestartNeeded");
  EXPECT_EQ(of(restart, "K3sConfigured").message,
            "changed on disk, not restarted (debug: false -> true): the window opens at 2026-11-29T02:00:00Z");
  Status drifted = goodStatus();
  drifted.drift.unrepaired = {{"net.ipv4.ip_forward", "is 0, should be 1"}};
  EXPECT_EQ(judged(drifted), 1);
  EXPECT_EQ(of(drifted, "DriftFree").status, "False");
  Status contested = goodStatus();
  contested.drift.contested = {{"sysctl", "net/ipv4/ip_forward", "0", "1", "pid 7 tuned (tuned.service)", kNow, 6}};
  EXPECT_EQ(judged(contested), 1);
  EXPECT_EQ(of(contested, "DriftFree").reason, "Contested");
  EXPECT_EQ(of(contested, "DriftFree").message,
            "net.ipv4.ip_forward: pid 7 tuned (tuned.service) wants 0, Git wants 1; rewritten 6 times in 10 minutes, "
            "left alone for an hour or until Git says something else");
}

TEST(Judge, WhatK3sDidNotComeUpWithIsCritical) {
  Status status = goodStatus();
  auto& restart = status.k3s.restart;
  restart.commit = "3f2a91c0000000000000000000000000000000aa";
  restart.why = "k3s ends again and again";
  restart.line = "unknown flag: --no-such";
  for (const auto& [state, reason] : {std::pair{"going-back", "GoingBack"}, std::pair{"rolled-back", "RolledBack"},
                                      std::pair{"failed", "RestartFailed"}}) {
    restart.state = state;
    restart.reason = reason;
    EXPECT_EQ(judged(status), 2) << state;
    EXPECT_EQ(of(status, "K3sConfigured").reason, reason);
    EXPECT_EQ(of(status, "Ready").reason, std::string("K3s") + reason);
    EXPECT_THAT(of(status, "Ready").message, testing::HasSubstr("k3s ends again and again: unknown flag: --no-such"));
  }
  restart.state = "restarting";
  restart.reason = "Restarting";
  EXPECT_EQ(judged(status), 0);
  EXPECT_EQ(of(status, "K3sConfigured").message, "K3s is being restarted for commit 3f2a91c");
}

TEST(Judge, ObserveWithNothingToDoIsFine) {
  Status status = goodStatus();
  status.mode = "observe";
  status.generation = {};
  EXPECT_EQ(judged(status), 0);
}

TEST(Judge, ARolledBackGenerationIsCritical) {
  Status status = goodStatus();
  status.generation.number = 42;
  status.generation.state = "rolled-back";
  status.generation.why = "interrupted by a reboot or a power cut";
  EXPECT_EQ(judged(status), 2);
  EXPECT_EQ(of(status, "Ready").reason, "RolledBack");
}

TEST(Judge, VerdictsCount) {
  Status slow = goodStatus();
  slow.disk = R"({"verdict":"unfit","reason":"p99 31 ms"})";
  EXPECT_EQ(judged(slow), 2);
  EXPECT_EQ(of(slow, "DiskFit").status, "False");
  slow.node.role = "agent";  // keeps no etcd
  EXPECT_EQ(judged(slow), 1);
  Status marginal = goodStatus();
  marginal.steal = R"({"verdict":"marginal"})";
  EXPECT_EQ(judged(marginal), 1);
  EXPECT_EQ(of(marginal, "CpuFit").reason, "Marginal");
  Status stolen = goodStatus();
  stolen.steal = R"({"verdict":"unfit"})";
  EXPECT_EQ(judged(stolen), 2);
}

TEST(Judge, UnknownWithoutADaemonWithoutNewsAndWithoutConfiguration) {
  Status status = goodStatus();
  EXPECT_EQ(judged(status, false), 3);
  status.writtenUs = kNow - 3 * 60'000'000 - 60'000'000;
  EXPECT_EQ(exitStatus(status, kNow, true), 0);  // the last moment: three intervals and a minute
  status.writtenUs -= 1;
  EXPECT_EQ(exitStatus(status, kNow, true), 3);
  status.source.nextUs = status.source.checkedUs + 900'000'000;  // a longer interval allows more
  EXPECT_EQ(exitStatus(status, kNow, true), 0);
  Status bare;
  bare.mode = "unconfigured";
  bare.writtenUs = kNow;
  EXPECT_EQ(judged(bare), 3);
  EXPECT_EQ(exitStatus(Status{}, kNow, true), 3);
}

TEST(Judge, SinceStaysAsLongAsTheStatusDoes) {
  Status before = goodStatus();
  before.writtenUs = kNow - 1'000'000'000;
  judge(before, nullptr);
  EXPECT_EQ(of(before, "Ready").sinceUs, before.writtenUs);
  Status now = goodStatus();
  now.source.problem = problem("RemoteUnreachable");
  judge(now, &before);
  EXPECT_EQ(of(now, "Ready").sinceUs, before.writtenUs);  // still True, with another reason
  EXPECT_EQ(of(now, "SourceVerified").sinceUs, now.writtenUs);
}

}  // namespace
}  // namespace bedplate::report
