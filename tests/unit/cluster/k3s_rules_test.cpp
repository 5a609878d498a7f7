#include "agent/cluster/k3s_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/cluster/k3s_keys.h"
#include "tests/unit/cluster/snapshots.h"

namespace bedplate::cluster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kKind = "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\n";

std::vector<std::string> judged(const std::string& config, const std::string& role = "server",
                                const std::string& nodeYaml = "") {
  std::vector<std::pair<std::string, std::string>> files = {{"k3s/config.yaml", config}};
  if (!nodeYaml.empty()) files.emplace_back("node.yaml", kKind + nodeYaml);
  return texts(compiled(std::move(files), role).findings);
}

TEST(K3sRules, AServersKeyStopsAnAgent) {
  EXPECT_THAT(judged("cluster-cidr: 10.42.0.0/16\n"), IsEmpty());
  EXPECT_THAT(
      judged("node-label: [a=b]\ntls-san+:\n- x\n", "agent"),
      ElementsAre(
          "k3s/config.yaml:2:1: error: 'tls-san' is for servers: k3s-agent does not start with a key it "
          "does not know; put it in roles/server/k3s/config.yaml.d/ (a cluster without agents: check --role server)"));
}

TEST(K3sRules, AnUnknownKeyIsAWarningWithWhatWasMeant) {
  EXPECT_THAT(judged("clustr-cidr: 10.42.0.0/16\n"),
              ElementsAre("k3s/config.yaml:1:1: warning: 'clustr-cidr' is no key that K3s 1.34 knows, did you mean "
                          "'cluster-cidr'?: a server passes over it"));
  EXPECT_THAT(judged("frobnicate: 1\n", "agent"), ElementsAre(HasSubstr("warning: 'frobnicate' is no key")));
}

TEST(K3sRules, ACredentialIsAWarningAndRefusedByPolicy) {
  EXPECT_THAT(judged("token: abc\n"), ElementsAre(HasSubstr("warning: 'token' is a credential in Git")));
  EXPECT_THAT(judged("token: abc\n", "server", "policy: {rawSecrets: deny}\n"),
              ElementsAre(HasSubstr("error: refused by policy.rawSecrets: 'token'")));
  EXPECT_THAT(judged("token-file: /etc/rancher/token\n", "server", "policy: {rawSecrets: deny}\n"), IsEmpty());
  EXPECT_THAT(judged("datastore-endpoint: postgres://k3s:pw@db.example.com/k3s\n"),
              ElementsAre(HasSubstr("K3S_DATASTORE_ENDPOINT in /etc/default/k3s")));
}

TEST(K3sRules, OnlyNamedEndpointsMayBeUsed) {
  // Images have rules of their own: endpoint_rules_test.cpp.
  const std::string policy = "policy: {endpoints: ['*.nordic-corp.no', docker.io]}\n";
  EXPECT_THAT(judged("etcd-s3-endpoint: s3.nordic-corp.no\nserver: https://127.0.0.1:6443\n", "server", policy),
              IsEmpty());
  EXPECT_THAT(judged("etcd-s3-endpoint: s3.amazonaws.com\n", "server", policy),
              ElementsAre("k3s/config.yaml:1:19: error: refused by policy.endpoints: etcd-s3-endpoint names "
                          "'s3.amazonaws.com', and only *.nordic-corp.no, docker.io may be named"));
  const auto registries = compiled({{"k3s/registries.yaml",
                                     "mirrors:\n  docker.io:\n    endpoint:\n    - https://mirror.nordic-corp.no\n"
                                     "    - https://registry-1.docker.io\n"},
                                    {"node.yaml", kKind + policy}});
  EXPECT_THAT(texts(registries.findings),
              ElementsAre(HasSubstr("k3s/registries.yaml:5:7: error: refused by policy.endpoints: mirrors names "
                                    "'registry-1.docker.io'")));
}

// Git may only tighten: what the floor does not allow stays forbidden.
TEST(K3sRules, BothListsCount) {
  const auto with = [](const std::string& host) {
    return compile(snapshotOf({{"k3s/config.yaml", "server: https://" + host + ":6443\n"},
                               {"node.yaml", kKind + "policy: {endpoints: ['*']}\n"}}),
                   {}, {"web-01", "server", "c"}, {.denyRawSecrets = false, .endpoints = {{"*.no", "docker.io"}}},
                   nullptr)
        .desired.has_value();
  };
  EXPECT_TRUE(with("a.no"));
  EXPECT_FALSE(with("a.com"));
}

TEST(K3sRules, RegistryPasswordsAreCredentials) {
  EXPECT_THAT(texts(compiled({{"k3s/registries.yaml",
                               "configs:\n  r.example.com:\n    auth:\n      username: u\n"
                               "      password: p\n"}})
                        .findings),
              ElementsAre(HasSubstr("k3s/registries.yaml:5:7: warning: 'auth.password' is a credential in Git")));
}

TEST(K3sRules, HostsAreFound) {
  EXPECT_THAT(hostsOf("https://S3.example.com/bucket"), ElementsAre("s3.example.com"));
  EXPECT_THAT(hostsOf("s3.example.com:9000"), ElementsAre("s3.example.com"));
  EXPECT_THAT(hostsOf("mysql://u:p@tcp(db.example.com:3306)/k3s"), ElementsAre("db.example.com"));
  EXPECT_THAT(hostsOf("postgres://u:p,@/x@db.example.com:5432/k3s?sslmode=verify-full"), ElementsAre("db.example.com"));
  EXPECT_THAT(hostsOf("https://a:2379,https://b:2379, http://[2001:db8::1]:2379"),
              ElementsAre("a", "b", "2001:db8::1"));
  EXPECT_THAT(hostsOf("2001:db8::2"), ElementsAre("2001:db8::2"));
  EXPECT_THAT(hostsOf("sqlite:///var/lib/k3s.db"), IsEmpty());
  EXPECT_THAT(hostsOf(""), IsEmpty());
  EXPECT_THAT(hostsOf("://@"), IsEmpty());
  EXPECT_THAT(hostsOf("[::1"), ElementsAre("::1"));
}

TEST(K3sRules, KeysAreKnown) {
  EXPECT_EQ(takenBy("node-label"), TakenBy::both);
  EXPECT_EQ(takenBy("cluster-init"), TakenBy::servers);
  EXPECT_EQ(takenBy("disable-apiserver-lb"), TakenBy::agents);
  EXPECT_EQ(takenBy("nodelabel"), TakenBy::nobody);
  for (const auto key : criticalKeys()) EXPECT_EQ(takenBy(key), TakenBy::servers) << key;
}

}  // namespace
}  // namespace bedplate::cluster
