// The command line itself, and the verbs that need no state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/cli/run.h"

namespace bedplate::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Program, UsageErrorsAre64AndSaySo) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"stauts"},
                                                    {"status", "--no-such"},
                                                    {"-o", "xml", "status"},
                                                    {"suspend"},
                                                    {"suspend", "--reason", ""},
                                                    {"trust"},
                                                    {"trust", "accept"},
                                                    {"bench", "memory"},
                                                    {"show", "x"},
                                                    {"show", "0"},
                                                    {"rollback", "-1"},
                                                    {"check"},
                                                    {"--root", "/no/such/root", "status"}}) {
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.status, 64) << testing::PrintToString(arguments) << ran.out << ran.err;
    EXPECT_THAT(ran.err, StartsWith("bedplate: "));
    EXPECT_EQ(ran.out, "");
  }
}

TEST(Program, SaysWhichNumbersItTakes) {
  EXPECT_EQ(run({"show", "0"}).err, "bedplate: usage: N: '0' is not above 0: see bedplate --help\n");
  EXPECT_EQ(run({"history", "-n", "0"}).err,
            "bedplate: usage: --limit: '0' is not from 1 to 10000: see bedplate --help\n");
  EXPECT_THAT(run({"bench", "disk", "--rate", "x"}).err, HasSubstr("--rate: 'x' is not from 1 to 1000"));
}

TEST(Program, HelpAndVersionGoToStdout) {
  EXPECT_EQ(run({"--version"}).out, "bedplate " BEDPLATE_VERSION "\n");
  const Ran help = run({"--help"});
  EXPECT_EQ(help.status, 0);
  for (const char* verb : {"status", "sync", "diff", "explain", "check", "bench", "report", "history", "show",
                           "rollback", "suspend", "resume", "enforce", "trust", "release"})
    EXPECT_THAT(help.out, HasSubstr(verb));
  EXPECT_EQ(run({"suspend", "--help"}).status, 0);
}

TEST(Check, CleanIsZeroAndNamesWhomItIsFor) {
  testlib::TempTree tree;
  tree.write("node/sysctl.d/99-k8s.conf", "net.ipv4.ip_forward = 1\n");
  tree.write("node/nodes/web-01/sysctl.d/50-x.conf", "vm.swappiness = 10\n");
  const Ran ran = run({"check", tree.path() + "/node/"});
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
  EXPECT_EQ(ran.out, tree.path() + "/node in 2 files: 0 errors, 0 warnings; for role server, agent; node web-01\n");
}

TEST(Check, AllFindingsOnceWithPlaces) {
  testlib::TempTree tree;
  tree.write("sysctl.d/99-k8s.conf", "kernel.modprobe = /tmp/x\nvm.swappiness\n");
  tree.write("roles/server/node.yaml", "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\ntunning: {}\n");
  tree.write("nodes/web-01/node.yaml", "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\nbenchmrk: {}\n");
  const Ran ran = run({"check", tree.path()});
  EXPECT_EQ(ran.status, 1);
  for (const std::string place :
       {"/sysctl.d/99-k8s.conf:1", "/roles/server/node.yaml:3:1", "/nodes/web-01/node.yaml:3:1"}) {
    const std::size_t at = ran.out.find(tree.path() + place);
    ASSERT_NE(at, std::string::npos) << place << "\n" << ran.out;
    EXPECT_EQ(ran.out.find(tree.path() + place, at + 1), std::string::npos) << "twice: " << ran.out;
  }
  const Ran json = run({"check", tree.path(), "-o", "json"});
  EXPECT_EQ(json.status, 1);
  const auto parsed = nlohmann::json::parse(json.out);
  EXPECT_FALSE(parsed["clean"]);
  EXPECT_EQ(
      parsed["errors"].get<std::size_t>() + parsed["warnings"].get<std::size_t>() + parsed["notes"].get<std::size_t>(),
      parsed["findings"].size());
  // Only the server's layers: what stands in web-01's is not read.
  const Ran one = run({"check", tree.path(), "--node", "web-02", "--role", "server"});
  EXPECT_THAT(one.out, testing::Not(HasSubstr("nodes/web-01")));
  EXPECT_THAT(one.out, HasSubstr("roles/server/node.yaml:3:1"));
}

TEST(Check, ARepositoryIsToldWhichDirectoriesThereAre) {
  testlib::TempTree tree;
  tree.write("clusters/oslo-prod/node/node.yaml", "");
  tree.write("clusters/oslo-staging/node/node.yaml", "");
  const Ran ran = run({"check", tree.path()});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err,
              HasSubstr(tree.path() + "/clusters/oslo-prod/node, " + tree.path() + "/clusters/oslo-staging/node"));
}

TEST(Check, NoDirectoryAndAnEmptyOneAreErrors) {
  testlib::TempTree tree;
  const Ran none = run({"check", tree.path() + "/none"});
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err, StartsWith("bedplate: check: "));
  EXPECT_EQ(run({"check", tree.path()}).status, 1);
}

// What is clean here must not be refused on the node.
TEST(Check, GoesByThePolicyOfBedplateConf) {
  testlib::TempTree host, tree;
  tree.write("manifests/a.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {a: b}\n");
  tree.write("k3s/config.yaml", "server: https://k3s.other.net:6443\n");
  EXPECT_EQ(runOn(host, {"check", tree.path()}).status, 0);
  const std::string conf = "etc/bedplate/bedplate.conf";
  // A key file that is missing here is the node's matter.
  host.write(conf, "[repository]\ntoken-file = /etc/none\n[policy]\nraw-secrets = deny\nendpoints = *.example.com\n");
  const Ran denied = runOn(host, {"check", tree.path()});
  EXPECT_EQ(denied.status, 1);
  EXPECT_THAT(denied.out, HasSubstr("refused by policy.rawSecrets: Secret x holds its content"));
  EXPECT_THAT(denied.out, HasSubstr("refused by policy.endpoints: server names 'k3s.other.net'"));
  EXPECT_THAT(denied.out, HasSubstr("; with the policy of "));
  const auto json = nlohmann::json::parse(runOn(host, {"check", tree.path(), "-o", "json"}).out);
  ASSERT_EQ(json["policy"].size(), 1U);
  EXPECT_THAT(json["policy"][0].get<std::string>(), testing::EndsWith(conf));
  // Elsewhere a file is named.
  testlib::TempTree other;
  other.write("ci/policy.conf", "[policy]\nraw-secrets = deny\n");
  EXPECT_EQ(runOn(other, {"--config", "ci/policy.conf", "check", tree.path()}).status, 1);
}

TEST(Check, APolicyThatCannotBeReadIsAnError) {
  testlib::TempTree host, tree;
  tree.write("sysctl.d/a.conf", "vm.swappiness = 1\n");
  const Ran none = runOn(host, {"--config", "ci/none.conf", "check", tree.path()});
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err, HasSubstr("no such file"));
  host.write("etc/bedplate/bedplate.conf", "[policy]\nraw-secret = deny\n");
  const Ran wrong = runOn(host, {"check", tree.path()});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, HasSubstr("bedplate.conf:2: [policy] key 'raw-secret' is not known"));
}

TEST(Bench, AnEtcdThatMayLiveHasNoClosedLoopBesideIt) {
  testlib::TempTree tree;
  tree.write("proc/812/comm", "etcd\n");
  const Ran ran = runOn(tree, {"bench", "disk", "--for", "1s", "--path", "/"});
  EXPECT_THAT(ran.out, HasSubstr("not measured: process 812 is etcd; --force measures all the same"));
  EXPECT_EQ(runOn(tree, {"bench", "disk", "--for", "1ms"}).status, 64);
}

TEST(Bench, MeasuresAndReportsAsJson) {
  testlib::TempTree tree;
  tree.write("var/lib/x", "");
  tree.write("etc/bedplate/bedplate.conf",
             "[repository]\nurl = file:///nowhere/infra.git\npath = x\n[node]\nname = web-01\nrole = server\n");
  const Ran ran = runOn(tree, {"bench", "disk", "--for", "1s", "--rate", "20", "--paced", "-o", "json"});
  EXPECT_GE(ran.status, 0);
  EXPECT_LE(ran.status, 3);
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_TRUE(json["steal"].is_null());
  EXPECT_EQ(json["disk"]["operations"], 20) << ran.out;
  EXPECT_TRUE(json["disk"]["p99Ns"].is_null()) << "20 are too few";
  EXPECT_EQ(json["disk"]["datastore"], "none");
  const std::string verdict = json["disk"]["verdict"];
  const std::vector<std::string> byStatus = {"fit", "marginal", "unfit", "unknown"};
  EXPECT_EQ(verdict, byStatus.at(static_cast<std::size_t>(ran.status)));
  EXPECT_EQ(tree.files().list("var/lib", 10).value().size(), 1u);  // nothing stays
  EXPECT_THAT(runOn(tree, {"status", "-o", "json"}).out, HasSubstr("p99Ns"));
}

TEST(Enforce, WritesItsDropInAndSeesWhenItIsOverruled) {
  testlib::TempTree tree;
  tree.write("etc/bedplate/bedplate.conf", "[node]\nmode = observe\n");
  EXPECT_EQ(runOn(tree, {"enforce"}).status, 0);
  EXPECT_THAT(tree.read("etc/bedplate/bedplate.conf.d/50-mode.conf"), HasSubstr("[node]\nmode = enforce\n"));
  tree.write("etc/bedplate/bedplate.conf.d/60-mine.conf", "[node]\nmode = observe\n");
  const Ran ran = runOn(tree, {"enforce"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, HasSubstr("50-mode.conf"));
}

TEST(Enforce, WritesBesideTheConfigurationThatWasNamed) {
  testlib::TempTree tree;
  tree.write("opt/agent.conf", "[node]\nmode = observe\n");
  EXPECT_EQ(runOn(tree, {"--config", "/opt/agent.conf", "enforce"}).status, 0);
  EXPECT_TRUE(tree.exists("opt/agent.conf.d/50-mode.conf"));
  EXPECT_FALSE(tree.exists("etc"));
}

}  // namespace
}  // namespace bedplate::cli
