#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/report/report.h"
#include "tests/unit/report/sample.h"

namespace bedplate::report {
namespace {

Status fullStatus() {
  Status status = goodStatus();
  status.source.problem = host::Error{"HostKeyRefused", 0, "git.nordic-corp.no", "the key changed", "compare it"};
  status.tuning.pending = {{"net.bridge.bridge-nf-call-iptables", "br_netfilter not loaded"}};
  status.tuning.failed = {{"net.ipv4.ip_default_ttl", "the kernel refuses 70000"}};
  status.drift.last = apply::DriftEvent{kNow, "sysctl", "net/ipv4/conf/eth0.200/forwarding", "0", "1", "sysctl", true};
  status.drift.unrepaired = {{"/etc/rancher/k3s/config.yaml", "is a, should be b"}};
  status.drift.contested = {{"sysctl", "net/ipv4/conf/eth0.200/rp_filter", "0", "1", "pid 7 tuned", kNow, 6}};
  status.k3s.failed = {{"/etc/rancher/k3s/config.yaml", "no space"}};
  status.k3s.restartNeeded = true;
  status.k3s.restart = {"waiting", "Lease", "server-2 holds the lease", "a line", {"debug: false -> true"}, kNow,
                        "3f2a91c", "ABC="};
  status.pendingChanges = {
      sysctlChange("net/ipv4/conf/eth0.200/forwarding", "0", "1"),
      {plan::Action::writeFile, "etc/rancher/k3s/config.yaml", "absent", "1a2b", "cluster", "note"},
      {plan::Action::loadModule, "br_netfilter", "", "loaded", "cluster", ""}};
  status.suspended = apply::Suspension{"maintenance", kNow - 5'000'000, kNow + 5'000'000};
  status.hold = "held";
  status.syncLatency.summary = apply::LatencySummary{12, 1.25, 2.5, 41};
  status.syncLatency.last = apply::CommitTimes{.commit = status.source.commit,
                                               .subject = "raise conntrack",
                                               .generation = 41,
                                               .seenUs = kNow - 10'000'000,
                                               .fetchedUs = kNow - 9'200'000,
                                               .appliedUs = kNow - 8'500'000,
                                               .confirmedUs = kNow - 8'500'000};
  status.disk = R"({"verdict":"fit","p99Ns":2100000})";
  status.steal = R"({"ratio":0.01,"verdict":"fit"})";
  status.warnings = {"node.yaml:3: warning: accepted, not active yet"};
  judge(status, nullptr);
  return status;
}

TEST(StatusJson, ComesBackAsItWas) {
  const Status status = fullStatus();
  const auto back = fromJson(toJson(status));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(toJson(*back), toJson(status));
  EXPECT_EQ(back->pendingChanges[0].subject, "net/ipv4/conf/eth0.200/forwarding");
  EXPECT_EQ(back->pendingChanges[1].subject, "etc/rancher/k3s/config.yaml");
  EXPECT_EQ(back->drift.last->subject, "net/ipv4/conf/eth0.200/forwarding");
  EXPECT_EQ(back->drift.contested[0], status.drift.contested[0]);
  EXPECT_EQ(back->suspended->untilUs, kNow + 5'000'000);
  EXPECT_EQ(back->source.problem->reason, "HostKeyRefused");
  EXPECT_EQ(back->conditions.size(), 10u);
  EXPECT_EQ(back->syncLatency.last->fetchedUs, kNow - 9'200'000);
  EXPECT_EQ(back->syncLatency.summary->commits, 12u);
}

TEST(StatusJson, ShowsWhatAnOperatorWouldWrite) {
  const auto json = nlohmann::json::parse(toJson(fullStatus()));
  EXPECT_EQ(json["pendingChanges"][0]["subject"], "net.ipv4.conf.eth0/200.forwarding");
  EXPECT_EQ(json["pendingChanges"][1]["subject"], "/etc/rancher/k3s/config.yaml");
  EXPECT_EQ(json["written"], "2026-09-21T14:13:18Z");
  EXPECT_EQ(json["benchmarks"]["disk"]["verdict"], "fit");
}

TEST(StatusJson, EveryKeyIsThereAlsoWhenNothingIsKnown) {
  const auto empty = nlohmann::json::parse(toJson(Status{}));
  const auto full = nlohmann::json::parse(toJson(fullStatus()));
  for (const auto& [key, value] : full.items()) EXPECT_TRUE(empty.contains(key)) << key;
  EXPECT_TRUE(empty["suspended"].is_null());
  EXPECT_TRUE(empty["written"].is_null());
  EXPECT_TRUE(fromJson(toJson(Status{})));
}

TEST(StatusJson, BytesThatAreNoTextDoNoHarm) {
  Status status = goodStatus();
  status.source.subject = "\xff\xfe\x1b[2J";
  status.disk = "no json";
  const std::string text = toJson(status);
  for (const char c : text) EXPECT_TRUE((c >= ' ' && c < '\x7f') || c == '\n');
  EXPECT_TRUE(fromJson(text));
}

TEST(StatusJson, RefusesWhatIsNotAStatus) {
  for (const char* text :
       {"", "[]", "null", "{", "{\"written\": 5}", "{\"written\": \"yesterday\"}",
        "{\"written\": \"2026-13-01T00:00:00Z\"}", "{\"layers\": \"cluster\"}", "{\"generation\": {\"number\": 1e300}}",
        "{\"generation\": {\"number\": 18446744073709551615}}", "{\"generation\": []}", "{\"conditions\": [1]}",
        "{\"pendingChanges\": [{\"action\": \"x\"}]}", "{\"tuning\": {\"failed\": [null]}}",
        "{\"source\": {\"problem\": \"x\"}}"}) {
    const auto status = fromJson(text);
    ASSERT_FALSE(status) << text;
    EXPECT_EQ(status.error().reason, "Corrupt");
  }
  EXPECT_FALSE(fromJson(std::string(9 << 20, ' ')));
}

TEST(StatusJson, TakesOneOfANewerVersionWithKeysItDoesNotKnow) {
  const auto status = fromJson(R"({"mode": "enforce", "later": {"a": [1]}, "source": {"commit": "ab", "more": true}})");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->mode, "enforce");
  EXPECT_EQ(status->source.commit, "ab");
}

}  // namespace
}  // namespace bedplate::report
