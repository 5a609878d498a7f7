#include "agent/k3s/k3s.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tests/lib/temp_tree.h"

namespace bedplate::k3s {
namespace {

TEST(DetectRole, FollowsTheUnitsAndThenTheData) {
  {
    testlib::TempTree tree;
    EXPECT_EQ(detectRole(tree.files()), std::nullopt);
    tree.write("var/lib/rancher/k3s/server/db/state.db", "");
    EXPECT_EQ(detectRole(tree.files()), "server");
    tree.write("etc/systemd/system/k3s-agent.service", "[Service]\n");
    EXPECT_EQ(detectRole(tree.files()), "agent");
    tree.write("etc/systemd/system/k3s.service", "[Service]\nExecStart=/usr/local/bin/k3s \\\n    server \\\n");
    EXPECT_EQ(detectRole(tree.files()), "server");
  }
  testlib::TempTree tree;
  tree.write("etc/systemd/system/k3s.service",
             "[Service]\nExecStart=/usr/local/bin/k3s agent --server https://x:6443\n");
  EXPECT_EQ(detectRole(tree.files()), "agent");
}

TEST(DetectRole, AMaskedUnitIsNoUnit) {
  testlib::TempTree tree;
  tree.write("etc/systemd/system/k3s-agent.service", "[Service]\n");
  ASSERT_EQ(::symlink("/dev/null", (tree.path() + "/etc/systemd/system/k3s.service").c_str()), 0);
  EXPECT_EQ(detectRole(tree.files()), "agent");
}

TEST(DetectNodeName, TheLastWordOfK3sElseTheShortHostName) {
  testlib::TempTree tree;
  EXPECT_EQ(detectNodeName(tree.files()), "");
  tree.write("etc/hostname", "# the host\nWeb-01.oslo.example\n");
  EXPECT_EQ(detectNodeName(tree.files()), "web-01");
  tree.write("etc/rancher/k3s/config.yaml", "node-name: main\n");
  EXPECT_EQ(detectNodeName(tree.files()), "main");
  tree.write("etc/rancher/k3s/config.yaml.d/20-b.yml", "node-name: \"Second\"\n");
  tree.write("etc/rancher/k3s/config.yaml.d/10-a.yaml", "node-name: first\n");
  tree.write("etc/rancher/k3s/config.yaml.d/30-c.txt", "node-name: not-read\n");
  tree.write("etc/rancher/k3s/config.yaml.d/40-d.yaml", "other: x\n");
  EXPECT_EQ(detectNodeName(tree.files()), "second");
  tree.write("etc/systemd/system/k3s.service", "[Service]\nExecStart=/usr/local/bin/k3s server '--node-name' 'line'\n");
  EXPECT_EQ(detectNodeName(tree.files()), "line");
}

TEST(ConfigTarget, IsTheSamePathBelowK3sConfiguration) {
  EXPECT_EQ(configTarget("k3s/config.yaml"), "etc/rancher/k3s/config.yaml");
  EXPECT_EQ(configTarget("k3s/config.yaml.d/10-x.yaml"), "etc/rancher/k3s/config.yaml.d/10-x.yaml");
  EXPECT_EQ(configTarget("k3s/registries.yaml"), "etc/rancher/k3s/registries.yaml");
}

TEST(ManifestFileName, KeepsThePathReadable) {
  // Pinned: another name would make K3s deploy everything anew under new Addons and leave the old ones behind.
  EXPECT_EQ(manifestFileName("manifests/argocd/argo-cd.yaml"), "argocd-argo-cd-861af1ea38b6.yaml");
  EXPECT_EQ(manifestFileName("manifests/a.json").substr(0, 2), "a-");
  EXPECT_EQ(manifestFileName("manifests/a.json").substr(14), ".json");
}

TEST(ManifestFileName, KeepsTheOrderOfNumberedFiles) {
  const std::vector<std::string> paths = {"manifests/00-namespaces.yaml", "manifests/10-crds/a.yaml",
                                          "manifests/10-crds/b.yaml",     "manifests/20-argo-cd.yaml",
                                          "manifests/argocd/app.yaml",    "manifests/zz.yaml"};
  std::vector<std::string> names;
  for (const auto& path : paths) names.push_back(manifestFileName(path));
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
}

// What K3s takes for the Addon's name: up to the first dot.
std::string addonName(const std::string& file) { return file.substr(0, file.find('.')); }

bool isLabel(const std::string& name) {
  const auto alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 63 && alnum(name.front()) && alnum(name.back()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return alnum(c) || c == '-'; });
}

TEST(ManifestFileName, IsAlwaysValidAndNeverTheSameForTwoPaths) {
  std::set<std::string> paths = {"manifests/a/namespace.yml",
                                 "manifests/b/namespace.yml",
                                 "manifests/a-b/c.yaml",
                                 "manifests/a/b-c.yaml",
                                 "manifests/a/b/c.yaml",
                                 "manifests/a.b.c.yaml",
                                 "manifests/a_b_c.yaml",
                                 "manifests/A/B/C.yaml",
                                 "manifests/foo.yaml",
                                 "manifests/foo.yml",
                                 "manifests/foo.json",
                                 "manifests/app.v1.yaml",
                                 "manifests/app.v2.yaml",
                                 "manifests/___.yaml",
                                 "manifests/---.yaml",
                                 "manifests/-a-.yaml",
                                 "manifests/.yaml",
                                 "manifests/traefik.yaml",
                                 "manifests/coredns.yaml",
                                 "manifests/ccm.yaml",
                                 "manifests/a.yaml",
                                 "manifests/a/.yaml",
                                 "a.yaml",
                                 ""};
  // Long ones that are the same but for their end, and names from the characters that are hard.
  const std::string deep = "manifests/" + std::string(100, 'x') + "/" + std::string(100, 'y');
  for (int i = 0; i < 10000; ++i) paths.insert(deep + std::to_string(i) + ".yaml");
  std::mt19937 random(7);
  constexpr std::string_view kHard = "aA0-_./";
  for (int i = 0; i < 100000; ++i) {
    std::string path = "manifests/";
    const auto length = random() % 8;
    for (unsigned long n = 0; n < length; ++n) path += kHard[random() % kHard.size()];
    paths.insert(path + ".yaml");
  }
  std::map<std::string, std::string> byName;
  for (const auto& path : paths) {
    const auto file = manifestFileName(path);
    const auto name = addonName(file);
    EXPECT_TRUE(isLabel(name)) << path << " -> " << file;
    EXPECT_EQ(file.find('.'), file.rfind('.')) << file;
    const auto [other, isNew] = byName.emplace(name, path);
    EXPECT_TRUE(isNew) << path << " and " << other->second << " -> " << name;
  }
  for (const char* packaged : {"ccm", "coredns", "local-storage", "rolebindings", "runtimes", "traefik",
                               "aggregated-metrics-reader", "auth-delegator", "auth-reader", "metrics-apiservice",
                               "metrics-server-deployment", "metrics-server-service", "resource-reader"})
    EXPECT_EQ(byName.count(packaged), 0u);
}

TEST(DropIns, OfKubeProxy) {
  EXPECT_EQ(kubeProxyDropIn({"a=0", "b=0s"}),
            "# Managed by bedplate: what tuning.conntrack in node.yaml sets, K3s and kube-proxy leave alone.\n"
            "kube-proxy-arg+:\n- a=0\n- b=0s\n");
}

TEST(DropIns, StandLast) {
  const std::string folder = "etc/rancher/k3s/config.yaml.d/";
  EXPECT_EQ(lastDropIn("x.yaml", {}), folder + "zz-x.yaml");
  EXPECT_EQ(lastDropIn("x.yaml", {folder + "99-a.yaml", "etc/rancher/k3s/zzzz"}), folder + "zz-x.yaml");
  EXPECT_EQ(lastDropIn("x.yaml", {folder + "zzz.yaml", folder + "zz-x.yaml"}), folder + "zzzz-x.yaml");
}

}  // namespace
}  // namespace bedplate::k3s
