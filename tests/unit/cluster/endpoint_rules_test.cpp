#include "agent/cluster/endpoint_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/cluster/mentions.h"
#include "tests/unit/cluster/snapshots.h"

namespace bedplate::cluster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Files = std::vector<std::pair<std::string, std::string>>;
const std::string kKind = "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\n";

// By bedplate.conf's list; images are settled unless the files say otherwise.
std::vector<std::string> judged(Files files, const std::string& role = "server",
                                std::vector<std::string> endpoints = {"*.example.com", "docker.io"}) {
  return texts(compile(snapshotOf(std::move(files)), {}, {"web-01", role, "c"},
                       {.denyRawSecrets = false, .endpoints = {std::move(endpoints)}}, nullptr)
                   .findings);
}
std::vector<std::string> ofConfig(const std::string& config, const std::string& role = "server") {
  return judged({{"k3s/config.yaml", config}}, role);
}

TEST(EndpointRules, WithoutAListNothingIsRefused) {
  EXPECT_THAT(
      compiled({{"k3s/config.yaml", "etcd-s3: true\nkube-apiserver-arg: [oidc-issuer-url=https://a.net]\n"}}).findings,
      IsEmpty());
}

TEST(EndpointRules, SnapshotsGoToAmazonWhenNothingIsSaid) {
  EXPECT_THAT(
      ofConfig("debug: true\netcd-s3: true\n"),
      ElementsAre("k3s/config.yaml:2:1: error: refused by policy.endpoints: etcd's snapshots go to "
                  "s3.amazonaws.com when nothing else is said, and only *.example.com, docker.io may be reached: "
                  "set etcd-s3-endpoint"));
  EXPECT_THAT(ofConfig("etcd-s3: false\n"), IsEmpty());
  EXPECT_THAT(ofConfig("etcd-s3: true\netcd-s3-endpoint: s3.example.com\n"), IsEmpty());
  EXPECT_THAT(judged({{"k3s/config.yaml", "etcd-s3: true\n"}}, "server", {"*.amazonaws.com", "docker.io"}), IsEmpty());
  // A drop-in counts.
  EXPECT_THAT(judged({{"k3s/config.yaml", "etcd-s3: true\n"},
                      {"k3s/config.yaml.d/s3.yaml", "etcd-s3-endpoint: s3.example.com\n"}}),
              IsEmpty());
}

std::string s3Secret(const std::string& data) {
  return "apiVersion: v1\nkind: Secret\nmetadata: {name: s3, namespace: kube-system}\n" + data;
}
const std::string kByS3Secret = "etcd-s3: true\netcd-s3-config-secret: s3\n";

std::vector<std::string> errors(std::vector<std::string> all) {
  std::erase_if(all, [](const std::string& one) { return one.find(": error: ") == one.npos; });
  return all;
}

TEST(EndpointRules, TheS3SecretIsRead) {
  const auto with = [](const std::string& data) {
    return errors(judged({{"k3s/config.yaml", kByS3Secret}, {"manifests/s3.yaml", s3Secret(data)}}));
  };
  EXPECT_THAT(with("stringData: {etcd-s3-endpoint: 'https://s3.example.com:9000', etcd-s3-proxy: none}\n"), IsEmpty());
  EXPECT_THAT(with("stringData:\n  etcd-s3-endpoint: s3.other.net\n"),
              ElementsAre("manifests/s3.yaml:5:21: error: refused by policy.endpoints: Secret kube-system/s3: "
                          "etcd-s3-endpoint names 's3.other.net', and only *.example.com, docker.io may be reached"));
  // "s3.other.net" and "http://p.other.net:3128" as Kubernetes writes them.
  EXPECT_THAT(
      with("data:\n  etcd-s3-endpoint: czMub3RoZXIubmV0\n  etcd-s3-proxy: aHR0cDovL3Aub3RoZXIubmV0OjMxMjg=\n"),
      ElementsAre(HasSubstr(":5:21: error: refused by policy.endpoints: Secret kube-system/s3: etcd-s3-endpoint "
                            "names 's3.other.net'"),
                  HasSubstr(":6:18: error: refused by policy.endpoints: Secret kube-system/s3: etcd-s3-proxy "
                            "names 'p.other.net'")));
  EXPECT_THAT(with("stringData: {etcd-s3-bucket: b}\n"),
              ElementsAre(HasSubstr("manifests/s3.yaml:1:1: error: refused by policy.endpoints: etcd's snapshots go to "
                                    "s3.amazonaws.com when nothing else is said")));
}

TEST(EndpointRules, ASecretThatIsNotHereIsANote) {
  EXPECT_THAT(ofConfig(kByS3Secret),
              ElementsAre("k3s/config.yaml:2:1: note: the Secret kube-system/s3 is not here in plain text: which "
                          "etcd-s3-endpoint it names is not known to policy.endpoints"));
}

// K3s passes over the Secret then.
TEST(EndpointRules, TheS3SecretCountsOnlyAlone) {
  EXPECT_THAT(ofConfig(kByS3Secret + "etcd-s3-bucket: b\n"),
              ElementsAre(HasSubstr("K3s passes over etcd-s3-config-secret because etcd-s3-bucket is set as well")));
  EXPECT_THAT(errors(ofConfig(kByS3Secret + "etcd-s3-retention: 9\n")), IsEmpty());
}

TEST(EndpointRules, ASecretElsewhereIsNone) {
  EXPECT_THAT(errors(judged({{"manifests/s3.yaml",
                              "apiVersion: v1\nkind: Secret\nmetadata: {name: s3, namespace: apps}\n"
                              "stringData: {etcd-s3-endpoint: s3.other.net}\n"}})),
              IsEmpty());
}

TEST(EndpointRules, NoProxyIsNoHost) { EXPECT_THAT(ofConfig("etcd-s3-proxy: none\n"), IsEmpty()); }

std::vector<std::string> images(Files files, const std::string& role = "server") {
  files.emplace_back("sysctl.d/a.conf", "vm.swappiness = 1\n");
  return judged(std::move(files), role, {"*.example.com"});
}
const std::string kMirror = ":\n    endpoint: ['https://m.example.com']\n";
const std::string kClosed = "disable-default-registry-endpoint: true\n";

TEST(EndpointRules, ImagesComeFromDockerHubWhenNothingIsSaid) {
  const std::string why =
      ": error: refused by policy.endpoints: images come from docker.io when nothing else is said, and only "
      "*.example.com may be reached: mirror docker.io or '*' in k3s/registries.yaml and set "
      "disable-default-registry-endpoint: true in k3s/config.yaml, or set system-default-registry";
  EXPECT_THAT(images({}), ElementsAre("cluster directory" + why));
  EXPECT_THAT(images({{"k3s/config.yaml", kClosed}}, "agent"), ElementsAre("k3s/config.yaml" + why));
  EXPECT_THAT(images({{"k3s/registries.yaml", "mirrors:\n  '*'" + kMirror}}), ElementsAre("k3s/registries.yaml" + why));
  for (const char* name : {"docker.io", "*.docker.io", "index.docker.io", "*"})
    EXPECT_THAT(judged({{"sysctl.d/a.conf", "vm.swappiness = 1\n"}}, "server", {name}), IsEmpty()) << name;
}

TEST(EndpointRules, AMirrorSettlesImagesOnlyWithoutTheDefaultEndpoint) {
  for (const char* name : {"docker.io", "'*'"})
    EXPECT_THAT(
        images({{"k3s/registries.yaml", "mirrors:\n  " + std::string(name) + kMirror}, {"k3s/config.yaml", kClosed}}),
        IsEmpty())
        << name;
  EXPECT_THAT(images({{"k3s/registries.yaml", "mirrors:\n  docker.io" + kMirror}}),
              ElementsAre("k3s/registries.yaml:2:3: error: refused by policy.endpoints: K3s goes to 'docker.io' itself "
                          "when its mirrors do not answer, and only *.example.com may be reached: give it an endpoint "
                          "and set disable-default-registry-endpoint: true in k3s/config.yaml"));
  // Without an endpoint K3s writes nothing for it, and containerd goes where it always goes.
  EXPECT_THAT(images({{"k3s/registries.yaml", "mirrors:\n  docker.io:\n"}, {"k3s/config.yaml", kClosed}}),
              ElementsAre(HasSubstr("K3s goes to 'docker.io' itself")));
  EXPECT_THAT(images({{"k3s/registries.yaml", "mirrors:\n  docker.io:\n"},
                      {"k3s/config.yaml", kClosed + "embedded-registry: true\n"}}),
              IsEmpty());
}

// An entry in configs keeps the registry as the last endpoint, whatever the flag says.
TEST(EndpointRules, ConfigsKeepTheRegistryItself) {
  const std::string configs = "configs:\n  docker.io: {tls: {}}\n";
  EXPECT_THAT(
      images({{"k3s/registries.yaml", "mirrors:\n  docker.io" + kMirror + configs}, {"k3s/config.yaml", kClosed}}),
      ElementsAre(HasSubstr("name the mirrors' hosts in configs, not 'docker.io'")));
  EXPECT_THAT(images({{"k3s/registries.yaml", "mirrors:\n  '*'" + kMirror + configs}, {"k3s/config.yaml", kClosed}}),
              ElementsAre(HasSubstr("images come from docker.io")));
}

TEST(EndpointRules, AnotherMirroredRegistryIsFallenBackTo) {
  EXPECT_THAT(
      images({{"k3s/registries.yaml", "mirrors:\n  quay.io" + kMirror + "  r.example.com:5000" + kMirror},
              {"k3s/config.yaml", "system-default-registry: r.example.com\n"}}),
      ElementsAre(HasSubstr("k3s/registries.yaml:2:3: error: refused by policy.endpoints: K3s goes to 'quay.io' "
                            "itself")));
}

TEST(EndpointRules, AnotherDefaultRegistrySettlesImages) {
  const std::string key = "system-default-registry: r.example.com\n";
  EXPECT_THAT(images({{"k3s/config.yaml", key}}), IsEmpty());
  // Only servers take the key, and agents get it from them.
  EXPECT_THAT(images({{"roles/server/k3s/config.yaml.d/r.yaml", key}}, "agent"), IsEmpty());
  EXPECT_THAT(images({{"roles/server/k3s/config.yaml.d/r.yaml", "system-default-registry: r.other.net\n"}}),
              ElementsAre(HasSubstr("system-default-registry names 'r.other.net'")));
}

TEST(EndpointRules, ArgumentsOfComponents) {
  EXPECT_THAT(
      ofConfig("kube-apiserver-arg:\n- oidc-issuer-url=https://id.other.net/realm\n"
               "- service-account-issuer=https://kubernetes.default.svc\n- v=2\n"
               "etcd-arg: ['--listen-metrics-urls=http://10.0.0.1:2381', '--discovery=https://d.other.net']\n"),
      ElementsAre("k3s/config.yaml:2:3: error: refused by policy.endpoints: kube-apiserver-arg oidc-issuer-url "
                  "names 'id.other.net', and only *.example.com, docker.io may be reached",
                  HasSubstr(":5:58: error: refused by policy.endpoints: etcd-arg discovery names 'd.other.net'")));
}

TEST(EndpointRules, OtherKeys) {
  EXPECT_THAT(ofConfig("pause-image: rancher/mirrored-pause:3.6\nhelm-job-image: r.example.com:5000/k:1\n"), IsEmpty());
  EXPECT_THAT(ofConfig("pause-image: r.other.net/pause:3.6\n"),
              ElementsAre(HasSubstr("pause-image names 'r.other.net'")));
  EXPECT_THAT(ofConfig("private-registry: /etc/other.yaml\n"),
              ElementsAre(HasSubstr("private-registry names a file that is not in Git")));
  EXPECT_THAT(ofConfig("private-registry: /etc/rancher/k3s/registries.yaml\n"), IsEmpty());
  EXPECT_THAT(ofConfig("container-runtime-endpoint: unix:///run/c.sock\nimage-service-endpoint: tcp://i.other.net:1\n"),
              ElementsAre(HasSubstr("image-service-endpoint names 'i.other.net'")));
  EXPECT_THAT(errors(ofConfig("vpn-auth: name=tailscale,joinKey=abc\n")),
              ElementsAre(HasSubstr("vpn-auth means controlplane.tailscale.com")));
  EXPECT_THAT(errors(ofConfig("vpn-auth: name=tailscale,controlServerURL=https://h.other.net,joinKey=abc\n")),
              ElementsAre(HasSubstr("vpn-auth names 'h.other.net'")));
  EXPECT_THAT(errors(ofConfig("vpn-auth: name=tailscale,joinKey=abc,controlServerURL=https://h.example.com\n")),
              IsEmpty());
}

std::string chart(const std::string& spec, const std::string& kind = "HelmChart") {
  return "apiVersion: helm.cattle.io/v1\nkind: " + kind + "\nmetadata: {name: x, namespace: kube-system}\nspec:\n" +
         spec;
}

TEST(EndpointRules, ChartsComeFromNamedHosts) {
  const auto with = [](const std::string& spec) { return judged({{"manifests/a.yaml", chart(spec)}}); };
  EXPECT_THAT(with("  chart: app\n  repo: https://charts.example.com\n"), IsEmpty());
  EXPECT_THAT(
      with("  chart: app\n  repo: https://charts.other.net/x\n"),
      ElementsAre("manifests/a.yaml:6:9: error: refused by policy.endpoints: HelmChart kube-system/x: spec.repo "
                  "names 'charts.other.net', and only *.example.com, docker.io may be reached"));
  EXPECT_THAT(with("  chart: oci://ghcr.io/x/app\n"), ElementsAre(HasSubstr("spec.chart names 'ghcr.io'")));
  EXPECT_THAT(with("  chart: stable/app\n"), ElementsAre(HasSubstr("spec.chart means 'charts.helm.sh'")));
  EXPECT_THAT(with("  chart: https://%{KUBERNETES_API}%/static/charts/traefik-1.tgz\n"), IsEmpty());
  EXPECT_THAT(with("  chart: app\n  chartContent: H4sIAAAA\n"), IsEmpty());
  EXPECT_THAT(with("  chart: oci://r.example.com/a\n  jobImage: quay.io/x/y:1\n"),
              ElementsAre(HasSubstr("spec.jobImage names 'quay.io'")));
}

TEST(EndpointRules, ChartsInListsAndDocuments) {
  const std::string item =
      "- apiVersion: helm.cattle.io/v1\n  kind: HelmChart\n  metadata: {name: NAME}\n  spec: {repo: URL}\n";
  const auto one = [&](std::string name, std::string url) {
    std::string text = item;
    text.replace(text.find("NAME"), 4, name);
    return text.replace(text.find("URL"), 3, url);
  };
  EXPECT_THAT(
      judged({{"manifests/a.yaml",
               "apiVersion: v1\nkind: Namespace\nmetadata: {name: ns}\n---\napiVersion: v1\nkind: List\nitems:\n" +
                   one("a", "'https://a.example.com'") + one("b", "'https://b.other.net'")}}),
      ElementsAre(HasSubstr("manifests/a.yaml:15:16: error: refused by policy.endpoints: HelmChart b: spec.repo")));
}

// Applications are Argo CD's and Flux's matter.
TEST(EndpointRules, ApplicationsAreNotJudged) {
  EXPECT_THAT(
      judged({{"manifests/a.yaml",
               "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: x}\nspec:\n  source: {repoURL: "
               "'https://other.net'}\n  syncPolicy: {automated: {prune: true, selfHeal: true}}\n"}}),
      IsEmpty());
}

TEST(EndpointRules, CredentialsAmongAChartsValuesAreWarnings) {
  const auto result =
      compiled({{"manifests/a.yaml", chart("  set: {auth.adminPassword: hunter2, replicas: 3}\n"
                                           "  valuesContent: |-\n"
                                           "    # first\n"
                                           "    db:\n"
                                           "      rootPassword: hunter2\n"
                                           "      existingSecret: db\n"
                                           "    serviceAccountToken: true\n"
                                           "    tokens: 3\n"
                                           "    empty: {token: '', secretKey: $(KEY), apiKey: '{{ .x }}'}\n",
                                           "HelmChartConfig")},
                {"node.yaml", kKind + "policy: {rawSecrets: deny}\n"}});
  EXPECT_TRUE(result.desired);
  EXPECT_THAT(
      texts(result.findings),
      ElementsAre("manifests/a.yaml:5:9: warning: HelmChartConfig kube-system/x: auth.adminPassword looks like a "
                  "credential in plain text: whoever reads the repository, or its history, reads it; name a "
                  "Secret (spec.valuesSecrets, or what the chart has for it)",
                  HasSubstr("manifests/a.yaml:9: warning: HelmChartConfig kube-system/x: db.rootPassword looks")));
  for (const auto& one : texts(result.findings)) EXPECT_THAT(one, Not(HasSubstr("hunter2")));
  // Where lines are folded, the whole is named.
  EXPECT_THAT(texts(compiled({{"manifests/a.yaml", chart("  valuesContent: \"a: 1\\ntoken: hunter2\"\n")}}).findings),
              ElementsAre(HasSubstr("manifests/a.yaml:5:18: warning: HelmChart kube-system/x: token looks")));
  EXPECT_THAT(compiled({{"manifests/a.yaml", chart("  valuesContent: '{{ no yaml'\n")}}).findings, IsEmpty());
}

TEST(EndpointRules, WhatIsRememberedIsJudgedAgain) {
  const auto snapshot = snapshotOf({{"manifests/a.yaml", chart("  repo: https://charts.other.net\n")}});
  ValidBlobs valid;
  const Identity node{"web-01", "server", "c"};
  EXPECT_TRUE(compile(snapshot, {}, node, {}, &valid).desired);
  EXPECT_FALSE(compile(snapshot, {}, node, {.denyRawSecrets = false, .endpoints = {{"docker.io"}}}, &valid).desired);
}

TEST(EndpointRules, RegistriesOfImages) {
  EXPECT_EQ(registryOf("nginx"), "docker.io");
  EXPECT_EQ(registryOf("rancher/mirrored-pause:3.6"), "docker.io");
  EXPECT_EQ(registryOf("docker.io/library/nginx"), "docker.io");
  EXPECT_EQ(registryOf("R.example.com:5000/x/y@sha256:00"), "r.example.com");
  EXPECT_EQ(registryOf("localhost/x"), "localhost");
  EXPECT_EQ(registryOf(""), "docker.io");
}

}  // namespace
}  // namespace bedplate::cluster
