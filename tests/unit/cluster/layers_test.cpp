// Which files count for which node, and what does not belong in a cluster directory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cluster/snapshots.h"

namespace bedplate::cluster {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kManifest = "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n";
const std::string kSays = "vm.swappiness = 10\n";

std::vector<std::string> wants(const Compiled& result) {
  std::vector<std::string> all;
  if (!result.desired) return {"no desired state"};
  for (const auto& want : result.desired->sysctls)
    all.push_back(want.layer + " " + want.rule.file + " " + want.rule.key + "=" + want.rule.value);
  return all;
}

TEST(Layers, SysctlsAreMergedLayerByLayerAndOnlyWithinOneByFileName) {
  const auto result = compiled({{"sysctl.d/99-y.conf", "vm.swappiness = 1\n"},
                                {"sysctl.d/10-a.conf", "vm.dirty_ratio = 2\n"},
                                {"roles/server/sysctl.d/70-r.conf", "vm.swappiness = 3\n"},
                                {"roles/agent/sysctl.d/70-r.conf", "vm.swappiness = 4\n"},
                                {"nodes/web-01/sysctl.d/50-x.conf", "vm.swappiness = 5\n"},
                                {"nodes/web-02/sysctl.d/50-x.conf", "vm.swappiness = 6\n"}});
  EXPECT_THAT(texts(result.findings),
              ElementsAre("nodes/web-01/sysctl.d/50-x.conf:1: note: vm.swappiness is '5' here and '3' in "
                          "roles/server/sysctl.d/70-r.conf:1; the later layer wins",
                          "roles/server/sysctl.d/70-r.conf:1: note: vm.swappiness is '3' here and '1' in "
                          "sysctl.d/99-y.conf:1; the later layer wins"));
  EXPECT_THAT(wants(result),
              ElementsAre("cluster sysctl.d/10-a.conf vm/dirty_ratio=2", "cluster sysctl.d/99-y.conf vm/swappiness=1",
                          "roles/server roles/server/sysctl.d/70-r.conf vm/swappiness=3",
                          "nodes/web-01 nodes/web-01/sysctl.d/50-x.conf vm/swappiness=5"));
  EXPECT_THAT(result.desired->layers, ElementsAre("cluster", "roles/server", "nodes/web-01"));
}

TEST(Layers, ALaterFileReplacesAndBelongsToItsOwnLayer) {
  const auto result = compiled({{"sysctl.d/10-a.conf", "vm.swappiness = 1\nvm.dirty_ratio = 1\n"},
                                {"sysctl.d/20-b.conf", "vm.swappiness = 2\n"},
                                {"nodes/web-01/sysctl.d/10-a.conf", "vm.swappiness = 3\n"}});
  EXPECT_THAT(wants(result), ElementsAre("cluster sysctl.d/20-b.conf vm/swappiness=2",
                                         "nodes/web-01 nodes/web-01/sysctl.d/10-a.conf vm/swappiness=3"));
}

TEST(Layers, AnEmptyFileMasks) {
  const std::vector<std::pair<std::string, std::string>> files = {{"sysctl.d/10-a.conf", kSays},
                                                                  {"modules-load.d/k3s.conf", "br_netfilter\n"},
                                                                  {"k3s/config.yaml", "debug: true\n"},
                                                                  {"manifests/a.yaml", kManifest},
                                                                  {"roles/server/sysctl.d/10-a.conf", "# none\n"},
                                                                  {"roles/server/modules-load.d/k3s.conf", ""},
                                                                  {"roles/server/k3s/config.yaml", "---\n"},
                                                                  {"roles/server/manifests/a.yaml", "# none\n---\n"}};
  const auto server = compiled(files);
  EXPECT_THAT(texts(server.findings), IsEmpty());
  ASSERT_TRUE(server.desired);
  EXPECT_THAT(server.desired->sysctls, IsEmpty());
  EXPECT_THAT(server.desired->modules, IsEmpty());
  EXPECT_THAT(server.desired->k3s, IsEmpty());
  EXPECT_THAT(server.desired->manifests, IsEmpty());
  const auto agent = compiled(files, "agent");
  EXPECT_EQ(agent.desired->sysctls.size() + agent.desired->modules.size() + agent.desired->k3s.size(), 3u);
}

TEST(Layers, AMaskCanBeLiftedAgain) {
  const auto result = compiled({{"sysctl.d/10-a.conf", "vm.swappiness = 1\n"},
                                {"roles/server/sysctl.d/10-a.conf", ""},
                                {"nodes/web-01/sysctl.d/10-a.conf", "vm.swappiness = 2\n"}});
  EXPECT_THAT(wants(result), ElementsAre("nodes/web-01 nodes/web-01/sysctl.d/10-a.conf vm/swappiness=2"));
}

TEST(Layers, AMaskThatMasksNothingIsSaid) {
  EXPECT_THAT(texts(compiled({{"sysctl.d/10-a.conf", kSays}, {"nodes/web-01/sysctl.d/10-b.conf", ""}}).findings),
              ElementsAre("nodes/web-01/sysctl.d/10-b.conf: note: empty, and no layer before has sysctl.d/10-b.conf: "
                          "masks nothing"));
}

TEST(Layers, FilesOfK3sAndModules) {
  const auto result = compiled({{"k3s/config.yaml", "debug: true\n"},
                                {"k3s/config.yaml.d/10-x.yaml", "selinux: true\n"},
                                {"k3s/registries.yaml", "mirrors: {}\n"},
                                {"roles/server/k3s/config.yaml", "debug: false\n"},
                                {"manifests/argocd/argo-cd.yaml", kManifest},
                                {"manifests/b.json", R"({"apiVersion": "v1", "kind": "A", "metadata": {"name": "x"}})"},
                                {"modules-load.d/a.conf", "br_netfilter\noverlay\n"},
                                {"nodes/web-01/modules-load.d/b.conf", "overlay\nnf_conntrack\n"}});
  EXPECT_THAT(texts(result.findings), IsEmpty());
  ASSERT_TRUE(result.desired);
  std::vector<std::string> files;
  for (const auto* list : {&result.desired->k3s, &result.desired->manifests})
    for (const auto& want : *list) files.push_back(want.layer + " " + want.path + " " + want.file);
  EXPECT_THAT(files, ElementsAre("roles/server k3s/config.yaml roles/server/k3s/config.yaml",
                                 "cluster k3s/config.yaml.d/10-x.yaml k3s/config.yaml.d/10-x.yaml",
                                 "cluster k3s/registries.yaml k3s/registries.yaml",
                                 "cluster manifests/argocd/argo-cd.yaml manifests/argocd/argo-cd.yaml",
                                 "cluster manifests/b.json manifests/b.json"));
  EXPECT_EQ(*result.desired->k3s[0].content, "debug: false\n");
  std::vector<std::string> modules;
  for (const auto& want : result.desired->modules) modules.push_back(want.layer + " " + want.entry.name);
  EXPECT_THAT(modules, ElementsAre("cluster br_netfilter", "cluster overlay", "nodes/web-01 nf_conntrack"));
}

TEST(Layers, ManifestsAreForServersButJudgedForAll) {
  const auto good = compiled({{"sysctl.d/a.conf", kSays}, {"manifests/a.yaml", kManifest}}, "agent");
  ASSERT_TRUE(good.desired);
  EXPECT_THAT(good.desired->manifests, IsEmpty());
  EXPECT_FALSE(compiled({{"sysctl.d/a.conf", kSays}, {"manifests/a.yaml", "x"}}, "agent").desired);
}

TEST(Layers, WhatIsForPeopleIsNotLookedAt) {
  EXPECT_THAT(texts(compiled({{"README.md", "x"},
                              {"docs/why.md", "x"},
                              {"nodes/.gitkeep", ""},
                              {"nodes/Web/README.md", ""},
                              {"sysctl.d/.gitkeep", ""},
                              {"sysctl.d/notes.md", ""},
                              {"sysctl.d/a.conf", kSays}})
                        .findings),
              IsEmpty());
}

TEST(Layers, AnotherNodesMistakesAreItsOwn) {
  const auto result = compiled({{"sysctl.d/a.conf", kSays}, {"nodes/web-02/sysctl.d/a.conf", "garbage\n"}});
  EXPECT_THAT(texts(result.findings), IsEmpty());
  EXPECT_TRUE(result.desired);
}

TEST(Layers, ANameFromElsewhereReachesNoOtherFolder) {
  for (const char* name : {"", ".", "..", "../roles/agent", "web-01/sysctl.d", "WEB-01"}) {
    const auto result = compiled({{"sysctl.d/a.conf", kSays},
                                  {"nodes/web-01/sysctl.d/b.conf", "vm.swappiness = 99\n"},
                                  {"roles/agent/sysctl.d/b.conf", "vm.swappiness = 98\n"}},
                                 "server", name);
    EXPECT_THAT(wants(result), ElementsAre("cluster sysctl.d/a.conf vm/swappiness=10")) << name;
  }
}

struct Case {
  const char* what;
  std::string path;
  std::string finding;
};

// Without it the name of the test would be its bytes.
void PrintTo(const Case& value, std::ostream* out) { *out << value.what; }

class Misplaced : public testing::TestWithParam<Case> {};

TEST_P(Misplaced, IsRefused) {
  const auto result = compiled({{"sysctl.d/a.conf", kSays}, {GetParam().path, kManifest}});
  EXPECT_THAT(texts(result.findings), ElementsAre(GetParam().finding));
  EXPECT_FALSE(result.desired);
}

const std::string kConfOnly = ": error: not read: sysctl.d/ holds *.conf files and no folders";

INSTANTIATE_TEST_SUITE_P(
    All, Misplaced,
    testing::ValuesIn(std::vector<Case>{
        Case{"Folder", "sysctld/a.conf", "sysctld: error: unknown folder 'sysctld', did you mean 'sysctl.d'?"},
        Case{"FolderNothingNear", "charts/x/a.yaml",
             "charts: error: unknown folder 'charts'; valid here: node.yaml, sysctl.d, modules-load.d, k3s, manifests, "
             "roles, nodes"},
        Case{"File", "node.yml", "node.yml: error: unknown file 'node.yml', did you mean 'node.yaml'?"},
        Case{"FolderThatIsAFile", "k3s", "k3s: error: 'k3s' must be a folder"},
        Case{"FileThatIsAFolder", "node.yaml/x", "node.yaml: error: 'node.yaml' must be a file"},
        Case{"InARole", "roles/server/sysctls/a.conf",
             "roles/server/sysctls: error: unknown folder 'sysctls', did you mean 'sysctl.d'?"},
        Case{"Role", "roles/sever/a", "roles/sever: error: unknown role 'sever', did you mean 'server'?"},
        Case{"RoleNothingNear", "roles/database/a",
             "roles/database: error: unknown role 'database'; valid here: server, agent"},
        Case{"RoleIsAFile", "roles/server",
             "roles/server: error: roles/ holds one folder a role: roles/server, roles/agent"},
        Case{"NodeIsAFile", "nodes/web-01",
             "nodes/web-01: error: nodes/ holds one folder a node, such as nodes/web-01"},
        Case{"NodesIsAFile", "nodes", "nodes: error: nodes/ holds one folder a node, such as nodes/web-01"},
        Case{"NodeName", "nodes/Web_01/a",
             "nodes/Web_01: error: 'Web_01' cannot be the name of a node: lower-case letters, digits, '-' and '.'"},
        Case{
            "ManifestsOfANode", "nodes/web-01/manifests/a.yaml",
            "nodes/web-01/manifests: error: manifests are the whole cluster's, not one node's: move them to manifests/ "
            "or roles/server/manifests/"},
        Case{"LayerInALayer", "nodes/web-01/roles/server/node.yaml",
             "nodes/web-01/roles: error: a layer within a layer: roles/ stands at the top"},
        Case{"Sealed", "k3s/registries.yaml.sealed",
             "k3s/registries.yaml.sealed: error: is not one line of base64: seal it again: bedplate seal, or kubeseal "
             "--raw"},
        Case{"SysctlName", "sysctl.d/b.cnf", "sysctl.d/b.cnf" + kConfOnly},
        Case{"SysctlBackup", "sysctl.d/b.conf.bak", "sysctl.d/b.conf.bak" + kConfOnly},
        Case{"SysctlFolder", "sysctl.d/x/b.conf", "sysctl.d/x/b.conf" + kConfOnly},
        Case{"ModulesName", "modules-load.d/k3s",
             "modules-load.d/k3s: error: not read: modules-load.d/ holds *.conf files and no folders"},
        Case{"ManifestName", "manifests/a.tpl",
             "manifests/a.tpl: error: not read: manifests/ holds *.yaml, *.yml and *.json files"},
        Case{"ManifestNameInCapitals", "manifests/a.YAML",
             "manifests/a.YAML: error: not read: manifests/ holds *.yaml, *.yml and *.json files"},
        Case{"Hidden", "manifests/.a.yaml",
             "manifests/.a.yaml: error: hidden files are not read; remove it or rename it"},
        Case{"HiddenFolder", "manifests/.github/a.yaml",
             "manifests/.github/a.yaml: error: hidden folders are not read; remove it or rename it"},
        Case{"K3sName", "k3s/registry.yaml",
             "k3s/registry.yaml: error: unknown name 'registry.yaml', did you mean 'registries.yaml'?"},
        Case{"K3sDropIn", "k3s/config.yaml.d/a.yml",
             "k3s/config.yaml.d/a.yml: error: not read: k3s/config.yaml.d/ holds *.yaml files and no folders"}}),
    [](const auto& parameter) { return parameter.param.what; });

TEST(Layers, AFolderIsComplainedOfOnce) {
  EXPECT_THAT(texts(compiled({{"a/1", ""}, {"a/2", ""}, {"a/b/3", ""}, {"sysctl.d/a.conf", kSays}}).findings),
              testing::SizeIs(1));
}

TEST(Members, AreTheFoldersBelowRolesAndNodes) {
  const auto found = members(snapshotOf({{"roles/server/node.yaml", ""},
                                         {"roles/agent/sysctl.d/a.conf", ""},
                                         {"nodes/web-02/node.yaml", ""},
                                         {"nodes/web-01/sysctl.d/a.conf", ""},
                                         {"nodes/web-01/node.yaml", ""},
                                         {"nodes/README.md", ""},
                                         {"node.yaml", ""}}));
  EXPECT_THAT(found.roles, ElementsAre("agent", "server"));
  EXPECT_THAT(found.nodes, ElementsAre("web-01", "web-02"));
}

}  // namespace
}  // namespace bedplate::cluster
