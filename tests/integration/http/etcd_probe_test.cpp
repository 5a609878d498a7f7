// The daemon's passive reading against a real etcd: what it says must be what etcd counts.
#include "agent/daemon/etcd_probe.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "tests/integration/git/program.h"
#include "tests/lib/temp_tree.h"
#include "tuning/bench/exposition.h"

namespace bedplate::daemon {
namespace {

using gittest::Background;
using gittest::run;
using ::testing::HasSubstr;
using Json = nlohmann::json;

const std::string kStore = "var/lib/rancher/k3s/server/db/etcd";

class Quiet final : public Journal {
 public:
  void say(const Entry& entry) override { said += entry.message + "\n"; }
  std::string said;
};

bool there(const std::string& program) {
  try {
    run({program, "--version"});
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

class EtcdProbeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    tree.write(kStore + "/name", "x");
    measuring.active = true;
  }
  [[nodiscard]] std::string at(const std::string& path) const { return tree.path() + "/" + path; }

  void startEtcd() {
    client = "http://127.0.0.1:" + std::to_string(gittest::freePort());
    const std::string peer = "http://127.0.0.1:" + std::to_string(gittest::freePort());
    metrics = "http://127.0.0.1:" + std::to_string(gittest::freePort());
    etcd = std::make_unique<Background>(
        gittest::Arguments{"etcd", "--data-dir", at("etcd"), "--listen-client-urls", client, "--advertise-client-urls",
                           client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                           "--initial-cluster", "default=" + peer, "--listen-metrics-urls", metrics},
        at("etcd.log"));
    for (int tries = 0;; ++tries) {
      try {
        put(1);
        return;
      } catch (const std::runtime_error&) {
        if (tries > 60) throw;
      }
    }
  }
  void put(int times) {
    std::string script = "set -e; for i in $(seq " + std::to_string(times) +
                         "); do ETCDCTL_API=3 etcdctl --dial-timeout 1s --endpoints " + client +
                         " put key$i value >/dev/null; done";
    run({"sh", "-c", script});
  }
  std::unique_ptr<EtcdProbe> probe(const std::string& url) {
    source::WorkerSetup worker;
    worker.httpProgram = BEDPLATE_HTTP;
    worker.user = "";
    return std::make_unique<EtcdProbe>(EtcdProbe::Setup{files, clock, journal, worker, url});
  }
  // What etcd itself says now, read by another client.
  bench::EtcdReading own() {
    const auto reading = bench::parseEtcd(run({"curl", "-s", metrics + "/metrics"}), 0);
    EXPECT_TRUE(reading);
    return reading ? *reading : bench::EtcdReading{};
  }

  testlib::TempTree tree;
  host::HostFiles& files = tree.files();
  host::SystemClock clock;
  Quiet journal;
  Measuring measuring;
  std::atomic<bool> cancel = false;
  std::unique_ptr<Background> etcd;
  std::string client, metrics;
};

TEST_F(EtcdProbeTest, SaysWhatEtcdCounts) {
  if (!there("etcd") || !there("curl"))
    GTEST_SKIP() << "SKIPPED: no etcd (Debian: etcd-server, etcd-client) or no curl here";
  startEtcd();
  const auto passive = probe(metrics + "/metrics");
  EXPECT_LE(*passive->dueNs(measuring, 77), 77);
  const bench::EtcdReading before = own();
  const auto first = passive->run(measuring, cancel);
  ASSERT_TRUE(first) << journal.said;
  EXPECT_FALSE(first->keep);
  EXPECT_EQ(Json::parse(first->json).at("verdict"), "unknown");
  EXPECT_GT(*passive->dueNs(measuring, clock.monotonicNs()), clock.monotonicNs() + 290'000'000'000);

  put(250);
  const auto second = passive->run(measuring, cancel);
  const bench::EtcdReading after = own();
  ASSERT_TRUE(second) << journal.said;
  const Json json = Json::parse(second->json);
  // etcd goes on by itself; between our two readings and the two of the other client there may be a few more.
  const auto counted = json.at("walFsync").at("count").get<std::uint64_t>();
  EXPECT_GE(counted, 250u);
  EXPECT_LE(counted, after.walFsync.count() - before.walFsync.count());
  EXPECT_GE(counted + 20, after.walFsync.count() - before.walFsync.count());
  const auto window = bench::since(before.walFsync, after.walFsync);
  ASSERT_TRUE(window);
  EXPECT_NEAR(json.at("walFsync").at("meanNs").get<double>(), static_cast<double>(window->meanNs()),
              0.2 * static_cast<double>(window->meanNs()));
  EXPECT_NE(json.at("verdict"), "unknown") << second->json;
  EXPECT_EQ(json.at("hasLeader"), true);
  EXPECT_EQ(journal.said, "");

  // Another life: what was before does not count.
  etcd.reset();
  EXPECT_FALSE(passive->run(measuring, cancel));
  EXPECT_THAT(journal.said, HasSubstr("cannot be read"));
  const auto gone = passive->run(measuring, cancel);
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->json, "");
  EXPECT_FALSE(gone->keep);
  EXPECT_FALSE(passive->run(measuring, cancel));  // told once
}

TEST_F(EtcdProbeTest, AsksOnlyWhereK3sKeepsEtcd) {
  tree.remove(kStore);
  const gittest::SilentServer silent;
  const auto passive = probe("http://127.0.0.1:" + std::to_string(silent.port()) + "/metrics");
  const std::int64_t begin = clock.monotonicNs();
  EXPECT_FALSE(passive->run(measuring, cancel));
  EXPECT_LT(clock.monotonicNs() - begin, 1'000'000'000);
  EXPECT_EQ(journal.said, "");
  measuring.active = false;
  EXPECT_FALSE(passive->dueNs(measuring, 0));
}

TEST_F(EtcdProbeTest, EndsSoonWhenTheDaemonDoes) {
  const gittest::SilentServer silent;
  const auto passive = probe("http://127.0.0.1:" + std::to_string(silent.port()) + "/metrics");
  std::thread later([this] {
    ::usleep(300'000);
    cancel = true;
  });
  const std::int64_t begin = clock.monotonicNs();
  EXPECT_FALSE(passive->run(measuring, cancel));
  EXPECT_LT(clock.monotonicNs() - begin, 2'000'000'000);
  later.join();
}

TEST_F(EtcdProbeTest, SaysThatItIsNoEtcd) {
  if (!there("python3")) GTEST_SKIP() << "SKIPPED: no python3 here";
  Background server({"python3", BEDPLATE_HTTP_SERVER}, at("server.log"));
  const auto passive = probe("http://127.0.0.1:" + server.await("") + "/hello");
  EXPECT_FALSE(passive->run(measuring, cancel));
  EXPECT_THAT(journal.said, HasSubstr("etcd_disk_wal_fsync_duration_seconds"));
}

}  // namespace
}  // namespace bedplate::daemon
