#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "agent/report/report.h"
#include "agent/report/text.h"
#include "tests/unit/report/sample.h"

namespace bedplate::report {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string screenOf(Status status, int width = 80, bool alive = true) {
  judge(status, nullptr);
  return render(status, {width, false, kNow, alive, 0});
}

std::vector<std::string> linesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Whatever the data: a screen of 24 lines and `width` columns without anything that acts.
void expectFits(const std::string& text, int width) {
  const auto lines = linesOf(text);
  EXPECT_LE(lines.size(), 24u) << text;
  for (const auto& line : lines) {
    EXPECT_LE(columns(line), width) << line;
    for (const char c : line) EXPECT_FALSE(static_cast<unsigned char>(c) < 0x20) << line;
  }
  EXPECT_THAT(lines.back(), testing::StartsWith("  next"));
}

TEST(Render, TheScreenOfAGoodDay) {
  Status status = goodStatus();
  status.tuning.pending = {{"net.bridge.bridge-nf-call-iptables", "br_netfilter not loaded"}};
  status.drift.today = 2;
  status.drift.last = apply::DriftEvent{kNow - 60'000'000, "sysctl", "net/ipv4/ip_forward", "0", "1", "unknown", true};
  EXPECT_EQ(screenOf(status),
            "web-01  oslo-prod  server  enforce                                         Ready\n"
            "  source      main@3f2a91c  raise conntrack            checked 12s ago, next 48s\n"
            "  layers      cluster, roles/server, nodes/web-01\n"
            "  generation  41, applied 14:03:20, 3 changes in 0.21s\n"
            "  tuning      38 keys held, 1 pending (br_netfilter not loaded)\n"
            "  drift       2 put back today, last: net.ipv4.ip_forward 0 -> 1\n"
            "  k3s         2 config files, 12 manifests\n"
            "  next        bedplate explain net.bridge.bridge-nf-call-iptables\n");
}

Status overloaded() {
  Status status = goodStatus();
  const std::string lengthy(300, 'x');
  status.node.name = lengthy;
  status.source.subject = "\x1b[2J" + lengthy;
  status.source.head = std::string(40, 'b');
  status.source.problem = host::Error{"InvalidClusterDirectory", 0, lengthy, lengthy + " and " + lengthy, lengthy};
  for (int i = 0; i < 300; ++i) {
    const std::string name = "net.ipv4.conf.eth" + std::to_string(i) + ".rp_filter";
    status.tuning.pending.push_back({name, lengthy});
    status.tuning.failed.push_back({name, lengthy});
    status.k3s.failed.push_back({"/etc/rancher/" + name, lengthy});
    status.drift.unrepaired.push_back({name, lengthy});
    status.pendingChanges.push_back(sysctlChange("net/ipv4/ip_forward", lengthy, "1"));
    status.warnings.push_back(lengthy + " " + lengthy);
    status.layers.push_back(lengthy);
  }
  status.drift.last = apply::DriftEvent{kNow, "file", lengthy, "a", "b", "", false};
  status.suspended = apply::Suspension{lengthy + " " + lengthy, kNow, kNow + 1};
  status.hold = lengthy;
  status.generation.state = "rolled-back";
  status.generation.why = lengthy + " " + lengthy;
  status.disk =
      R"({"probe":"disk","verdict":"unfit","reason":"slow","measuredUs":1,"p99Ns":31000000,"operations":500})";
  return status;
}

TEST(Render, FitsWhateverTheData) {
  for (const int width : {20, 40, 80, 100, 140}) {
    for (const bool alive : {true, false}) {
      expectFits(screenOf(overloaded(), width, alive), width);
      expectFits(screenOf(goodStatus(), width, alive), width);
      expectFits(screenOf(Status{}, width, alive), width);
    }
  }
}

TEST(Render, ManyPendingKeysAreACount) {
  Status status = goodStatus();
  for (int i = 0; i < 300; ++i) status.tuning.pending.push_back({"key" + std::to_string(i), "eth0 is not there"});
  EXPECT_THAT(screenOf(status), HasSubstr("38 keys held, 300 pending (first: eth0 is not there)"));
}

TEST(Render, AProblemSaysWhyAndWhatToDo) {
  Status status = goodStatus();
  status.source.head = "9abc123000000000000000000000000000000000";
  status.source.problem = host::Error{"NotDescendant", 0, "main", "was rewritten", "bedplate trust accept"};
  const std::string screen = screenOf(status);
  EXPECT_THAT(screen, HasSubstr("Stalled: NotDescendant\n"));
  EXPECT_THAT(screen, HasSubstr("  problem     NotDescendant: main: was rewritten: bedplate trust accept\n"));
  EXPECT_THAT(screen, HasSubstr("the head is 9abc123, not in force"));
  EXPECT_THAT(screen, HasSubstr("  next        bedplate trust accept 9abc123000000000000000000000000000000000\n"));
}

TEST(Render, ADeadDaemonIsSaidFirst) {
  const auto lines = linesOf(screenOf(goodStatus(), 80, false));
  EXPECT_THAT(lines[0], testing::EndsWith("Unknown"));
  EXPECT_EQ(lines[1], "  agent       not running; this is what was known 2s ago");
  EXPECT_EQ(lines.back(), "  next        systemctl status bedplated");
}

TEST(Render, TheNextStepFitsTheTrouble) {
  const auto next = [](const Status& status) { return linesOf(screenOf(status)).back().substr(14); };
  Status status = goodStatus();
  EXPECT_EQ(next(status), "nothing to do");
  status.mode = "observe";
  EXPECT_EQ(next(status), "bedplate enforce");
  status.pendingChanges = {sysctlChange("net/ipv4/ip_forward", "0", "1")};
  EXPECT_EQ(next(status), "bedplate diff");
  status.tuning.failed = {{"net.ipv4.ip_default_ttl", "refused"}};
  EXPECT_EQ(next(status), "bedplate explain net.ipv4.ip_default_ttl");
  status.suspended = apply::Suspension{"maintenance", kNow, 0};
  EXPECT_EQ(next(status), "bedplate resume");
  Status restart = goodStatus();
  restart.k3s.restartNeeded = true;
  restart.node.role = "agent";
  EXPECT_EQ(next(restart), "systemctl restart k3s-agent");
  restart.k3s.restart.state = "waiting";
  restart.k3s.restart.reason = "Slot";
  restart.k3s.restart.why = "this node's turn is at 2026-11-29T02:00:00Z";
  EXPECT_EQ(next(restart), "nothing to do");
  EXPECT_THAT(screenOf(restart), HasSubstr("changed on disk, not restarted: this node's turn is at"));
  restart.k3s.restart.reason = "Never";
  EXPECT_EQ(next(restart), "systemctl restart k3s-agent");
  restart.k3s.restart.state = "failed";
  EXPECT_EQ(next(restart), "journalctl -u k3s-agent");
}

TEST(Render, ColourOnlyWhenAskedFor) {
  Status status = goodStatus();
  judge(status, nullptr);
  EXPECT_THAT(render(status, {80, false, kNow, true, 0}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(render(status, {80, true, kNow, true, 0}), HasSubstr("\x1b[32mReady\x1b[0m"));
}

TEST(Render, UnconfiguredSaysWhatToDo) {
  Status status;
  status.mode = "unconfigured";
  EXPECT_THAT(screenOf(status), testing::AllOf(HasSubstr("Unconfigured"), HasSubstr("bedplate.conf")));
  status.writtenUs = kNow;
  status.source.problem = host::Error{"InvalidConfiguration", 0, "", "bedplate.conf:3: unknown key 'branhc'", ""};
  EXPECT_THAT(screenOf(status), testing::AllOf(HasSubstr("Stalled: InvalidConfiguration"), HasSubstr("bedplate.conf:3"),
                                               HasSubstr("next        bedplated --check-config")));
}

}  // namespace
}  // namespace bedplate::report
