#include "agent/report/datastore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/lib/temp_tree.h"

namespace bedplate::report {
namespace {

using testing::HasSubstr;
using Kind = Datastore::Kind;

constexpr const char* kTable =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 0100007F:094D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"
    "   1: 0100007F:1F90 0100007F:094B 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1\n";

TEST(Datastore, IsFoundByWhatLiesThere) {
  testlib::TempTree tree;
  EXPECT_EQ(datastore(tree.files()).kind, Kind::none);
  tree.write("var/lib/x", "");
  EXPECT_EQ(datastore(tree.files()).directory, "var/lib") << "what is there of the way to it";
  tree.write("var/lib/rancher/k3s/server/db/state.db", "x");
  EXPECT_EQ(datastore(tree.files()).kind, Kind::sqlite);
  EXPECT_EQ(datastore(tree.files()).directory, "var/lib/rancher/k3s/server/db");
  tree.write("var/lib/rancher/k3s/server/db/etcd/name", "web-01");
  EXPECT_EQ(datastore(tree.files()).kind, Kind::etcd);
}

TEST(Datastore, IsWhereK3sWasToldToKeepIt) {
  testlib::TempTree tree;
  tree.write("etc/rancher/k3s/config.yaml", "data-dir: /mnt/fast/k3s/\n");
  tree.write("mnt/fast/k3s/server/db/etcd/name", "web-01");
  tree.write("var/lib/rancher/k3s/server/db/state.db", "old");
  EXPECT_EQ(datastore(tree.files()).kind, Kind::etcd);
  EXPECT_EQ(datastore(tree.files()).directory, "mnt/fast/k3s/server/db");
  tree.write("etc/systemd/system/k3s.service", "[Service]\nExecStart=/usr/local/bin/k3s server --data-dir=/srv/k3s\n");
  tree.write("srv/k3s/x", "");
  EXPECT_EQ(datastore(tree.files()).directory, "srv/k3s");
  for (const char* odd : {"k3s", "/../etc", "/", "\"\""}) {
    tree.write("etc/rancher/k3s/config.yaml.d/x.yaml", std::string("data-dir: ") + odd + "\n");
    tree.remove("etc/systemd/system/k3s.service");
    EXPECT_EQ(datastore(tree.files()).directory, "var/lib/rancher/k3s/server/db") << odd;
  }
}

TEST(Datastore, ElsewhereIsNotHere) {
  testlib::TempTree tree;
  tree.write("var/lib/rancher/k3s/server/db/state.db", "old");
  tree.write("etc/rancher/k3s/config.yaml", "datastore-endpoint: \"postgres://db.nordic-corp.no/k3s\"\n");
  EXPECT_EQ(datastore(tree.files()).kind, Kind::external);
  tree.write("etc/rancher/k3s/config.yaml", "datastore-endpoint: sqlite:///x.db\n");
  EXPECT_EQ(datastore(tree.files()).kind, Kind::sqlite);
}

TEST(LiveEtcd, IsAProcessOrAPort) {
  testlib::TempTree tree;
  Datastore store;
  tree.write("proc/1/comm", "systemd\n");
  tree.write("proc/self/comm", "etcd\n");
  tree.write("proc/900/comm", "etcdctl\n");
  EXPECT_EQ(liveEtcd(tree.files(), store), "");
  tree.write("proc/net/tcp6", kTable);
  EXPECT_EQ(liveEtcd(tree.files(), store), "something listens on TCP port 2381, as etcd does");
  tree.write("proc/77/comm", "etcd\n");
  EXPECT_EQ(liveEtcd(tree.files(), store), "process 77 is etcd");
}

TEST(LiveEtcd, IsK3sWhereItsDatastoreIsEtcd) {
  testlib::TempTree tree;
  tree.write("proc/77/comm", "k3s-server\n");
  EXPECT_EQ(liveEtcd(tree.files(), {Kind::sqlite, "x"}), "");
  EXPECT_EQ(liveEtcd(tree.files(), {Kind::etcd, "x"}), "process 77 is K3s with etcd in it");
}

TEST(LiveEtcd, InDoubtItIs) {
  testlib::TempTree tree;
  EXPECT_THAT(liveEtcd(tree.files(), {}), HasSubstr("cannot be read"));
}

TEST(Listens, OnlyOnThePortAndOnlyListening) {
  EXPECT_TRUE(listens(kTable, 2381));
  EXPECT_FALSE(listens(kTable, 8080)) << "that is a connection";
  EXPECT_FALSE(listens(kTable, 2379)) << "that is the other end of one";
  for (const char* odd : {"", "\n\n", "x", "0: 0100007F 0 0A", "0: :094D 0 0A", "0: 1:zz 0 0A", "0: 1:094D"})
    EXPECT_EQ(listens(odd, 2381), std::string_view(odd) == "0: :094D 0 0A") << odd;
}

}  // namespace
}  // namespace bedplate::report
