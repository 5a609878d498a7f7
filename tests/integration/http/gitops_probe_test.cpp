// The daemon's reading of Argo CD and Flux, by way of a stand-in for the Kubernetes API that asks for a certificate.
#include "agent/daemon/gitops_probe.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/git/program.h"
#include "tests/lib/temp_tree.h"
#include "tuning/host/paths.h"

namespace bedplate::daemon {
namespace {

using gittest::Background;
using gittest::run;
using ::testing::HasSubstr;
using Json = nlohmann::json;

const std::string kArgo = "/api/v1/namespaces/argocd/services/argocd-metrics:8082/proxy/metrics";
const std::string kPods =
    "/api/v1/namespaces/flux-system/pods?limit=20&labelSelector=app%20in%20(kustomize-controller%2Chelm-controller)";
const std::string kPod = "/api/v1/namespaces/flux-system/pods/kustomize-controller-5f:8080/proxy/metrics";

class Quiet final : public Journal {
 public:
  void say(const Entry& entry) override { said += entry.message + "\n"; }
  std::string said;
};

class GitOpsProbeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=test CA", "-keyout", at("ca.key"), "-out", at("ca.pem")});
    for (const std::string who : {"server", "admin"}) {
      run({"openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
           "/CN=" + who, "-keyout", at(who + ".key"), "-out", at(who + ".csr")});
      tree.write("ext", "subjectAltName=IP:127.0.0.1\n");
      run({"openssl", "x509", "-req", "-days", "2", "-in", at(who + ".csr"), "-CA", at("ca.pem"), "-CAkey",
           at("ca.key"), "-CAcreateserial", "-extfile", at("ext"), "-out", at(who + ".pem")});
    }
    answer({});
    server = std::make_unique<Background>(
        gittest::Arguments{"python3", BEDPLATE_HTTP_SERVER, "--certificate", at("server.pem"), "--key",
                           at("server.key"), "--client-ca", at("ca.pem"), "--routes", at("routes")},
        at("server.log"));
    kubeconfig(server->await(""));
    measuring.active = true;
  }
  [[nodiscard]] std::string at(const std::string& path) const { return tree.path() + "/" + path; }
  std::string base64(const std::string& file) { return run({"openssl", "base64", "-A", "-in", at(file)}); }
  void kubeconfig(const std::string& port) {
    tree.write(host::paths::k3sKubeconfig,
               "clusters:\n- cluster:\n    certificate-authority-data: " + base64("ca.pem") +
                   "\n    server: https://127.0.0.1:" + port +
                   "\n  name: default\ncontexts:\n- context: {cluster: default, user: default}\n  name: default\n"
                   "current-context: default\nusers:\n- name: default\n  user:\n    client-certificate-data: " +
                   base64("admin.pem") + "\n    client-key-data: " + base64("admin.key") + "\n");
  }
  void answer(const Json& routes) { tree.write("routes", routes.is_null() ? "{}" : routes.dump()); }
  static std::string histogram(const std::string& name, int quick, int all) {
    return name + "_bucket{le=\"0.5\"} " + std::to_string(quick) + "\n" + name + "_bucket{le=\"+Inf\"} " +
           std::to_string(all) + "\n" + name + "_sum " + std::to_string(all) + "\n";
  }
  std::unique_ptr<GitOpsProbe> probe(kube::GitOps which) {
    source::WorkerSetup worker;
    worker.httpProgram = BEDPLATE_HTTP;
    worker.user = "";
    return std::make_unique<GitOpsProbe>(tree.files(), clock, journal, worker, which);
  }

  testlib::TempTree tree;
  testlib::FakeClock clock;
  Quiet journal;
  Measuring measuring;
  std::atomic<bool> cancel = false;
  std::unique_ptr<Background> server;
};

TEST_F(GitOpsProbeTest, SaysWhatArgoDidInTheLastHalfHour) {
  const auto argo = probe(kube::GitOps::argocd);
  answer({{kArgo, histogram("argocd_app_reconcile", 100, 110)}});
  EXPECT_FALSE(argo->run(measuring, cancel)) << journal.said;
  EXPECT_EQ(*argo->dueNs(measuring, clock.monotonic), clock.monotonic + GitOpsProbe::kEveryNs);
  clock.advanceMs(1'800'000);
  answer({{kArgo, histogram("argocd_app_reconcile", 350, 410)}});
  const auto measured = argo->run(measuring, cancel);
  ASSERT_TRUE(measured) << journal.said;
  EXPECT_EQ(measured->probe, "gitops");
  EXPECT_TRUE(measured->keep);
  const Json json = Json::parse(measured->json);
  EXPECT_EQ(json.at("source"), "argocd");
  EXPECT_EQ(json.at("windowNs"), 1'800'000'000'000);
  EXPECT_EQ(json.at("count"), 300);
  EXPECT_EQ(json.at("buckets"), Json::parse("[[500000000,250],[null,50]]"));
  EXPECT_EQ(journal.said, "");
  EXPECT_THAT(server->logged(), HasSubstr("client admin\n"));
}

TEST_F(GitOpsProbeTest, SaysWhatFluxDid) {
  const auto flux = probe(kube::GitOps::flux);
  Json routes = {{kPods, R"({"items":[{"metadata":{"name":"kustomize-controller-5f"},"status":{"phase":"Running"}}]})"},
                 {kPod, histogram("gotk_reconcile_duration_seconds", 10, 10)}};
  answer(routes);
  EXPECT_FALSE(flux->run(measuring, cancel)) << journal.said;
  routes[kPod] = histogram("gotk_reconcile_duration_seconds", 12, 13);
  answer(routes);
  const auto measured = flux->run(measuring, cancel);
  ASSERT_TRUE(measured) << journal.said;
  EXPECT_EQ(Json::parse(measured->json).at("source"), "flux");
  EXPECT_EQ(Json::parse(measured->json).at("count"), 3);
}

TEST_F(GitOpsProbeTest, AbsenceIsSaidOnce) {
  const auto argo = probe(kube::GitOps::argocd);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(argo->run(measuring, cancel));
  EXPECT_EQ(journal.said, "Argo CD is not in this cluster, or has reconciled nothing yet\n");
}

TEST_F(GitOpsProbeTest, SaysWhatIsWrong) {
  const auto argo = probe(kube::GitOps::argocd);
  answer({{kArgo, "403 no"}});
  EXPECT_FALSE(argo->run(measuring, cancel));
  EXPECT_THAT(journal.said, HasSubstr("status 403"));
  server.reset();
  EXPECT_FALSE(argo->run(measuring, cancel));
  EXPECT_THAT(journal.said, HasSubstr("connect to server"));
  tree.write(host::paths::k3sKubeconfig, "{}");
  EXPECT_FALSE(argo->run(measuring, cancel));
  EXPECT_THAT(journal.said, HasSubstr("no current context"));
  journal.said.clear();
  tree.remove(host::paths::k3sKubeconfig);
  EXPECT_FALSE(argo->run(measuring, cancel));
  EXPECT_EQ(journal.said, "");  // no server of K3s
}

}  // namespace
}  // namespace bedplate::daemon
