#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/kube/kube.h"

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

}  // namespace
}  // namespace bedplate::kube
