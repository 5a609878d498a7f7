#include "agent/apply/k3s_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace bedplate::apply {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kNow = 1'795'957'020 * kSecondUs;  // Sunday 2026-11-29, 12:57:00Z

struct K3sPolicy : testing::Test {
  K3sPolicy() {
    wish.node = "server-1";
    wish.role = "server";
    wish.tree = "tree";
    wish.content = "content";
    wish.sinceUs = kNow;
    for (const char* name : {"server-1", "server-2", "server-3"}) {
      kube::Node node;
      node.name = name;
      node.ready = node.server = node.etcd = node.voter = true;
      seen.servers.push_back(node);
    }
    seen.own = seen.servers.front();
  }
  Verdict verdict(std::int64_t nowUs = kNow) { return mayRestart(wish, seen, nowUs); }
  std::string reason() { return verdict().go ? "go" : verdict().reason; }
  void lease(const std::string& holder, const std::string& outcome = "") {
    seen.lease.emplace();
    seen.lease->holder = holder;
    if (!outcome.empty()) seen.lease->trial = kube::Trial{holder, "tree", "content", outcome, "unknown flag: --x"};
  }
  void agent() {
    wish.role = "agent";
    wish.node = "agent-1";
    seen = {};
    seen.own.emplace();
    seen.own->name = "agent-1";
    seen.own->ready = true;
  }

  RestartWish wish{.node = {}, .role = {}, .tree = {}, .content = {}, .policy = {}, .zone = TimeZone()};
  ClusterSeen seen;
};

TEST_F(K3sPolicy, AServerGoesWhenAllOthersAreWell) {
  EXPECT_EQ(reason(), "go");
  seen.servers[1].ready = false;
  seen.servers[1].notReady = "NodeStatusUnknown";
  EXPECT_EQ(reason(), "Servers");
  EXPECT_THAT(verdict().why, HasSubstr("server server-2 is not Ready"));
  seen.servers[1].ready = true;
  seen.servers[2].voter = false;
  EXPECT_THAT(verdict().why, HasSubstr("server server-3 is not a voter of etcd"));
  seen.servers[2].etcd = false;  // SQLite, or a database elsewhere
  EXPECT_EQ(reason(), "go");
}

TEST_F(K3sPolicy, ItsOwnNodeMustBeReady) {
  seen.own->ready = false;
  seen.own->notReady = "KubeletNotReady";
  EXPECT_EQ(reason(), "NotReady");
  seen.own.reset();  // a server without a kubelet
  EXPECT_EQ(reason(), "go");
}

TEST_F(K3sPolicy, AServerWithoutItsNodeIsRestartedOnlyAlone) {
  seen = {};
  EXPECT_EQ(reason(), "go");
  wish.severalServers = true;
  EXPECT_EQ(reason(), "NoNode");
  EXPECT_THAT(verdict().why, HasSubstr("by hand"));
}

TEST_F(K3sPolicy, NeverIsNever) {
  wish.policy.mode = "never";
  EXPECT_EQ(reason(), "Never");
}

TEST_F(K3sPolicy, OnlyTheHolderOfTheLease) {
  lease("server-1");
  EXPECT_EQ(reason(), "go");
  lease("server-2");
  EXPECT_EQ(reason(), "Lease");
  seen.leaseOld = true;  // and well: he has gone away between restarts
  EXPECT_EQ(reason(), "go");
  lease("server-2", "running");
  EXPECT_EQ(reason(), "Lease");
  EXPECT_THAT(verdict().why, HasSubstr("has not said how it went"));
  lease("server-9", "running");  // of a server that is no more
  EXPECT_EQ(reason(), "go");
  lease("");
  EXPECT_EQ(reason(), "go");
}

TEST_F(K3sPolicy, WhatFailedElsewhereIsFollowedByNone) {
  for (const char* outcome : {"rolled-back", "failed"}) {
    lease("", outcome);
    seen.lease->trial->node = "server-2";
    EXPECT_EQ(reason(), "FailedElsewhere") << outcome;
    EXPECT_TRUE(verdict().condemned);
    EXPECT_EQ(verdict().why, "it failed on server-2: unknown flag: --x");
    seen.lease->trial->tree = "another";  // a rebased copy, or one with another sysctl
    EXPECT_EQ(reason(), "FailedElsewhere");
    seen.lease->trial->content = "other";
    EXPECT_EQ(reason(), "go");
    seen.lease->trial->tree = "tree";
    EXPECT_EQ(reason(), "FailedElsewhere");
  }
  lease("", "confirmed");
  EXPECT_EQ(reason(), "go");
  // The lease was taken over since; its Node still says it.
  seen.servers[1].trial = kube::Trial{"server-2", "tree", "x", "rolled-back", "why"};
  EXPECT_EQ(reason(), "FailedElsewhere");
  // One's own failure is not another's.
  seen.servers[1].trial->node = "server-1";
  EXPECT_EQ(reason(), "go");
}

TEST_F(K3sPolicy, CanariesGoFirst) {
  wish.policy.canary = {"server-2", "agent-7"};
  seen.canaries = {seen.servers[1]};
  EXPECT_EQ(reason(), "Canary");
  EXPECT_THAT(verdict().why, HasSubstr("server-2, which has not come to this commit"));
  seen.canaries[0].trial = kube::Trial{"server-2", "tree", "content", "running", ""};
  EXPECT_EQ(verdict().why, "waits for canary server-2 (running)");
  seen.canaries[0].trial->outcome = "confirmed";
  EXPECT_EQ(reason(), "go");
  seen.canaries[0].trial->tree = "before";
  EXPECT_EQ(reason(), "Canary");
  seen.canaries[0].trial->tree = "tree";
  seen.canaries[0].ready = false;
  EXPECT_EQ(reason(), "Canary");
  seen.canaries[0].ready = true;
  seen.noCanary = {"agent-7"};
  EXPECT_THAT(verdict().why, HasSubstr("agent-7 of k3s.restart.canary is no Node of this cluster"));
  wish.node = "server-2";  // a canary waits for none
  EXPECT_EQ(reason(), "go");
}

TEST_F(K3sPolicy, TheWindowIsOfItsTimeZone) {
  wish.policy.mode = "window";
  EXPECT_EQ(reason(), "Window");
  cluster::NodeConfig::Window window;
  window.days = {6};
  window.fromMinute = 12 * 60;
  window.toMinute = 13 * 60;
  wish.policy.window = window;
  EXPECT_EQ(reason(), "go");
  EXPECT_FALSE(verdict(kNow + 180 * kSecondUs).go);  // 13:00
  EXPECT_EQ(verdict(kNow + 180 * kSecondUs).againUs, kNow + 7 * 86400 * kSecondUs - 57 * 60 * kSecondUs);
  EXPECT_FALSE(verdict(kNow - 86400 * kSecondUs).go);  // Saturday
  // From 23:00 on Sunday to 02:00 on Monday.
  window.fromMinute = 23 * 60;
  window.toMinute = 2 * 60;
  const TimeZone utc;
  const std::int64_t midnight = kNow + (11 * 60 + 3) * 60 * kSecondUs;
  EXPECT_TRUE(windowOpen(window, utc, midnight - kSecondUs));
  EXPECT_TRUE(windowOpen(window, utc, midnight + 7199 * kSecondUs));
  EXPECT_FALSE(windowOpen(window, utc, midnight + 7200 * kSecondUs));
  EXPECT_FALSE(windowOpen(window, utc, midnight - 86400 * kSecondUs + kSecondUs));  // Sunday, 00:00: Saturday's night
  wish.policy.window = window;
  EXPECT_EQ(verdict().againUs, midnight - 3600 * kSecondUs);
  wish.zone = host::fail("NotFound", "Mars", "is not known");
  EXPECT_THAT(verdict().why, HasSubstr("never opens: Mars"));
}

TEST_F(K3sPolicy, AgentsHaveSlotsWithinTheSpread) {
  agent();
  wish.policy.spreadMs = 1'800'000;
  std::set<std::int64_t> slots;
  std::int64_t earliest = 1'800'000, latest = 0;
  for (int i = 0; i < 100; ++i) {
    wish.node = "agent-" + std::to_string(i);
    const std::int64_t slot = slotMs(wish);
    EXPECT_GE(slot, 0);
    EXPECT_LT(slot, 1'800'000);
    slots.insert(slot / 60'000);
    earliest = std::min(earliest, slot);
    latest = std::max(latest, slot);
  }
  EXPECT_GT(slots.size(), 20u);  // of 30 minutes
  EXPECT_LT(earliest, 120'000);
  EXPECT_GT(latest, 1'680'000);
  wish.node = "agent-1";
  const std::int64_t slot = slotMs(wish);
  EXPECT_EQ(verdict(kNow + slot * 1000 - 1).reason, "Slot");
  EXPECT_EQ(verdict(kNow + slot * 1000 - 1).againUs, kNow + slot * 1000);
  EXPECT_TRUE(verdict(kNow + slot * 1000).go);
  wish.tree = "another";  // a commit to something else
  EXPECT_EQ(slotMs(wish), slot);
  wish.content = "another";
  EXPECT_NE(slotMs(wish), slot);
  wish.policy.spreadMs = 0;
  EXPECT_EQ(slotMs(wish), 0);
}

TEST_F(K3sPolicy, AgentsComeAfterTheirCanaries) {
  agent();
  wish.policy.canary = {"agent-1"};
  wish.policy.confirmTimeoutMs = 60'000;
  EXPECT_EQ(slotMs(wish), 0);
  wish.node = "agent-2";
  wish.policy.spreadMs = 0;
  EXPECT_EQ(slotMs(wish), 120'000);  // it may take a timeout to confirm, and another to go back
  EXPECT_EQ(reason(), "Slot");
  EXPECT_TRUE(verdict(kNow + 120'000'000).go);
  // Where it may see the canary, it obeys it.
  kube::Node canary;
  canary.name = "agent-1";
  canary.ready = true;
  canary.trial = kube::Trial{"agent-1", "tree", "content", "rolled-back", "why"};
  seen.canaries = {canary};
  EXPECT_TRUE(verdict(kNow + 120'000'000).condemned);
}

TEST_F(K3sPolicy, AnAgentWithoutItsNodeWaits) {
  agent();
  wish.policy.spreadMs = 0;
  EXPECT_EQ(reason(), "go");
  seen.own->ready = false;
  EXPECT_EQ(reason(), "NotReady");
  seen.own.reset();
  EXPECT_EQ(reason(), "NoNode");
}

}  // namespace
}  // namespace bedplate::apply
