#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/kube/kube.h"
#include "tests/lib/temp_tree.h"
#include "tuning/host/paths.h"

namespace bedplate::kube {
namespace {

using ::testing::HasSubstr;

// As K3s writes it; "CA", "certificate" and "key!" in base64.
const std::string kGood = R"(apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: Q0E=
    server: https://127.0.0.1:6443
  name: default
contexts:
- context:
    cluster: default
    user: default
  name: default
current-context: default
kind: Config
preferences: {}
users:
- name: default
  user:
    client-certificate-data: Y2VydGlmaWNhdGU=
    client-key-data: a2V5IQ==
)";

std::string without(const std::string& part, const std::string& instead = "") {
  std::string text = kGood;
  return text.replace(text.find(part), part.size(), instead);
}

TEST(Kubeconfig, ReadsK3s) {
  const auto access = parseKubeconfig(kGood, "k3s.yaml");
  ASSERT_TRUE(access) << access.error().text();
  EXPECT_EQ(access->server, "https://127.0.0.1:6443");
  EXPECT_EQ(access->ca, "CA");
  EXPECT_EQ(access->certificate, "certificate");
  EXPECT_EQ(access->key, "key!");
}

TEST(Kubeconfig, TakesTheCurrentContext) {
  const std::string two =
      without("contexts:\n", "contexts:\n- context: {cluster: other, user: other}\n  name: other\n");
  EXPECT_TRUE(parseKubeconfig(two, "k3s.yaml"));
  const auto other = parseKubeconfig(without("current-context: default", "current-context: other"), "k3s.yaml");
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().text(), HasSubstr("no current context"));
}

TEST(Kubeconfig, RefusesWhatIsNotWhole) {
  for (const auto& [text, why] :
       {std::pair{std::string(), "no current context"}, std::pair{std::string("{"), "line "},
        std::pair{without("https://", "http://"), "no server by https"},
        std::pair{without("certificate-authority-data: Q0E=", "certificate-authority: /etc/ca.crt"),
                  "no certificate-authority-data"},
        std::pair{without("Q0E=", "/etc/ca.crt"), "no certificate-authority-data"},
        std::pair{without("Q0E=", "Q0E"), "no certificate-authority-data"},
        std::pair{without("a2V5IQ=="), "client-key-data"},
        std::pair{without("    client-certificate-data: Y2VydGlmaWNhdGU=\n"), "client-certificate-data"},
        std::pair{without("- name: default", "- name: admin"), "a user that it does not have"},
        std::pair{without("clusters:", "Clusters:"), "names a cluster"},
        std::pair{std::string(300 << 10, ' '), "256 KiB"}}) {
    const auto access = parseKubeconfig(text, "k3s.yaml");
    ASSERT_FALSE(access) << why;
    EXPECT_EQ(access.error().reason, "Malformed");
    EXPECT_THAT(access.error().text(), HasSubstr(why));
    EXPECT_THAT(access.error().text(), ::testing::Not(HasSubstr("a2V5")));
  }
}

// As K3s writes it for its kubelet.
std::string kubelet(const std::string& ca = "/var/lib/rancher/k3s/agent/server-ca.crt") {
  return "apiVersion: v1\nclusters:\n- cluster:\n    server: https://127.0.0.1:6444\n    certificate-authority: " + ca +
         "\n  name: local\ncontexts:\n- context:\n    cluster: local\n    namespace: default\n    user: user\n"
         "  name: Default\ncurrent-context: Default\nkind: Config\npreferences: {}\nusers:\n- name: user\n  user:\n"
         "    client-certificate: /var/lib/rancher/k3s/agent/client-kubelet.crt\n"
         "    client-key: /var/lib/rancher/k3s/agent/client-kubelet.key\n";
}

class HostKubeconfig : public ::testing::Test {
 protected:
  HostKubeconfig() {
    tree.write(host::paths::k3sAgentUnit, "[Service]\nExecStart=/usr/local/bin/k3s agent\n");
    tree.write("var/lib/rancher/k3s/agent/server-ca.crt", "CA");
    tree.write("var/lib/rancher/k3s/agent/client-kubelet.crt", "certificate");
    tree.write("var/lib/rancher/k3s/agent/client-kubelet.key", "key!");
    tree.write("var/lib/rancher/k3s/agent/kubelet.kubeconfig", kubelet());
  }
  testlib::TempTree tree;
};

TEST_F(HostKubeconfig, IsTheKubeletsOnAnAgent) {
  tree.write(host::paths::k3sKubeconfig, kGood);  // of the server that it was
  const auto access = readKubeconfig(tree.files());
  ASSERT_TRUE(access) << access.error().text();
  EXPECT_EQ(access->server, "https://127.0.0.1:6444");
  EXPECT_EQ(access->ca + access->certificate + access->key, "CAcertificatekey!");
}

TEST_F(HostKubeconfig, IsTheAdministratorsOnAServer) {
  tree.write(host::paths::k3sServerUnit, "[Service]\nExecStart=/usr/local/bin/k3s server\n");
  EXPECT_EQ(readKubeconfig(tree.files()).error().reason, "NotFound");
  tree.write(host::paths::k3sKubeconfig, kGood);
  const auto access = readKubeconfig(tree.files());
  ASSERT_TRUE(access) << access.error().text();
  EXPECT_EQ(access->server, "https://127.0.0.1:6443");
}

TEST_F(HostKubeconfig, ReadsNothingOutsideK3sData) {
  tree.write("etc/shadow", "root");
  for (const char* ca :
       {"/etc/shadow", "/var/lib/rancher/k3s/../../../../etc/shadow", "server-ca.crt", "/var/lib/rancher/k3s"}) {
    tree.write("var/lib/rancher/k3s/agent/kubelet.kubeconfig", kubelet(ca));
    const auto access = readKubeconfig(tree.files());
    ASSERT_FALSE(access) << ca;
    EXPECT_EQ(access.error().reason, "Malformed") << ca;
    EXPECT_THAT(access.error().text(), HasSubstr(ca));
  }
  tree.write("var/lib/rancher/k3s/agent/kubelet.kubeconfig", kubelet());
  tree.remove("var/lib/rancher/k3s/agent/client-kubelet.key");
  EXPECT_EQ(readKubeconfig(tree.files()).error().reason, "NotFound");
}

TEST_F(HostKubeconfig, FollowsTheDataDirectory) {
  tree.write("etc/rancher/k3s/config.yaml", "data-dir: /srv/k3s\n");
  EXPECT_EQ(readKubeconfig(tree.files()).error().reason, "NotFound");
  std::string text = kubelet("/srv/k3s/agent/server-ca.crt");
  for (std::size_t at = 0; (at = text.find("/var/lib/rancher/k3s", at)) != std::string::npos;)
    text.replace(at, 20, "/srv/k3s");
  tree.write("srv/k3s/agent/kubelet.kubeconfig", text);
  for (const char* file : {"server-ca.crt", "client-kubelet.crt", "client-kubelet.key"})
    tree.write(std::string("srv/k3s/agent/") + file, "x");
  const auto access = readKubeconfig(tree.files());
  ASSERT_TRUE(access) << access.error().text();
  EXPECT_EQ(access->key, "x");
}

}  // namespace
}  // namespace bedplate::kube
