#include "agent/cluster/manifest_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cluster/snapshots.h"

namespace bedplate::cluster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string object(const std::string& apiVersion, const std::string& kind, const std::string& name,
                   const std::string& more = "") {
  return "apiVersion: " + apiVersion + "\nkind: " + kind + "\nmetadata:\n  name: " + name + "\n" + more;
}

TEST(ManifestRules, OneObjectIsInOneFile) {
  const auto result =
      compiled({{"manifests/a.yaml", object("apps/v1", "Deployment", "web")},
                {"manifests/b.yaml", object("v1", "ConfigMap", "web") + "---\n" +
                                         object("apps/v1beta1", "Deployment", "web", "  namespace: default\n")}});
  EXPECT_THAT(texts(result.findings),
              ElementsAre("manifests/b.yaml:6:1: error: Deployment default/web is in manifests/a.yaml:1 as well: K3s "
                          "gives an object to one file, and the two would take it from each other; keep one"));
}

TEST(ManifestRules, OneObjectIsInAFileOnce) {
  const auto result =
      compiled({{"manifests/a.yaml", object("v1", "ConfigMap", "x") + "---\n" + object("v1", "ConfigMap", "x")}});
  EXPECT_THAT(texts(result.findings),
              ElementsAre(HasSubstr("6:1: error: ConfigMap x is in line 1 as well: the last one counts; keep one")));
}

TEST(ManifestRules, TheSameNameElsewhereIsAnotherObject) {
  EXPECT_THAT(compiled({{"manifests/a.yaml", object("v1", "ConfigMap", "x", "  namespace: a\n") + "---\n" +
                                                 object("v1", "ConfigMap", "x", "  namespace: b\n") + "---\n" +
                                                 object("example.com/v1", "ConfigMap", "x", "  namespace: a\n")}})
                  .findings,
              IsEmpty());
}

// What a later layer replaces is not there any more.
TEST(ManifestRules, AReplacedFileDoesNotCount) {
  EXPECT_THAT(compiled({{"manifests/a.yaml", object("v1", "ConfigMap", "x")},
                        {"roles/server/manifests/a.yaml", object("v1", "ConfigMap", "x")}})
                  .findings,
              IsEmpty());
}

TEST(ManifestRules, ItemsOfAListCount) {
  const std::string list =
      "apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: app}\n- metadata: {name: web}\n";
  EXPECT_THAT(
      texts(compiled({{"manifests/a.yaml", object("v1", "ConfigMap", "web")}, {"manifests/b.yaml", list}}).findings),
      ElementsAre(HasSubstr("manifests/b.yaml:5:3: error: ConfigMap web is in manifests/a.yaml:1 as well")));
}

const std::string kSecret = object("v1", "Secret", "db", "stringData: {password: x}\n");

TEST(ManifestRules, APlainSecretIsAWarningAndRefusedByPolicy) {
  EXPECT_THAT(texts(compiled({{"manifests/a.yaml", kSecret}}).findings),
              ElementsAre(HasSubstr("manifests/a.yaml:1:1: warning: Secret db holds its content")));
  const auto denied =
      compiled({{"manifests/a.yaml", kSecret},
                {"node.yaml", "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\npolicy: {rawSecrets: deny}\n"}});
  EXPECT_FALSE(denied.desired);
  EXPECT_THAT(texts(denied.findings), ElementsAre(HasSubstr("error: refused by policy.rawSecrets: Secret db holds")));
  // The floor of bedplate.conf is enough.
  const auto floor = compile(snapshotOf({{"manifests/a.yaml", kSecret}}), {}, {"web-01", "server", "c"},
                             {.denyRawSecrets = true, .endpoints = {}}, nullptr);
  EXPECT_FALSE(floor.desired);
}

TEST(ManifestRules, OtherSecretsAreNone) {
  EXPECT_THAT(compiled({{"manifests/a.yaml",
                         object("v1", "Secret", "sa", "type: kubernetes.io/service-account-token\n") + "---\n" +
                             object("bitnami.com/v1alpha1", "SealedSecret", "db",
                                    "spec: {encryptedData: {password: AgBy}}\n")}})
                  .findings,
              IsEmpty());
}

TEST(ManifestRules, AnApplicationHealsItselfAndPrunes) {
  const auto application = [](const std::string& spec) {
    return compiled({{"manifests/a.yaml", object("argoproj.io/v1alpha1", "Application", "web", spec)}}).findings;
  };
  EXPECT_THAT(application("spec: {syncPolicy: {automated: {prune: true, selfHeal: true}}}\n"), IsEmpty());
  EXPECT_THAT(texts(application("spec: {syncPolicy: {automated: {prune: true, selfHeal: false}}}\n")),
              ElementsAre(HasSubstr("warning: Application web: what somebody changes in the cluster stays")));
  EXPECT_THAT(texts(application("spec: {project: default}\n")),
              ElementsAre(HasSubstr("prune: true"), HasSubstr("selfHeal: true")));
  // Only there does it count.
  EXPECT_THAT(application("spec: {source: {automated: {prune: true, selfHeal: true}}}\n"), testing::SizeIs(2));
}

TEST(ManifestRules, WhatIsRememberedIsJudgedAgain) {
  const auto snapshot = snapshotOf({{"manifests/a.yaml", kSecret}, {"manifests/b.yaml", kSecret}});
  ValidBlobs valid;
  const Identity node{"web-01", "server", "c"};
  const auto first = compile(snapshot, {}, node, {}, &valid);
  EXPECT_FALSE(first.desired);
  EXPECT_EQ(compile(snapshot, {}, node, {}, &valid).findings, first.findings);
}

}  // namespace
}  // namespace bedplate::cluster
