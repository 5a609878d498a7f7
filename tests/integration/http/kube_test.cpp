// The client of the Kubernetes API, by way of the worker, as what K3s's kubeconfig says: also one that lies.
#include "agent/kube/kube.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/git/program.h"
#include "tests/lib/temp_tree.h"
#include "tuning/host/paths.h"

namespace bedplate::kube {
namespace {

using gittest::Arguments;
using gittest::Background;
using gittest::run;
using ::testing::HasSubstr;

constexpr const char* kLease = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x";

class KubeApiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    makeCa("ca");
    makeCertificate("server");
    makeCertificate("admin");
    tree.write("routes", nlohmann::json{{kLease, R"({"kind":"Lease"})"},
                                        {"/conflict", R"(409 {"kind":"Status","message":"has been modified"})"}}
                             .dump());
  }
  [[nodiscard]] std::string at(const std::string& path) const { return tree.path() + "/" + path; }
  void makeCa(const std::string& ca) {
    run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=test " + ca, "-keyout", at(ca + ".key"), "-out", at(ca + ".pem")});
  }
  void makeCertificate(const std::string& who, const std::string& days = "2") {
    run({"openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
         "/CN=" + who, "-keyout", at(who + ".key"), "-out", at(who + ".csr")});
    tree.write("ext", "subjectAltName=IP:127.0.0.1\n");
    run({"openssl", "x509", "-req", "-days", days, "-in", at(who + ".csr"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"),
         "-CAcreateserial", "-extfile", at("ext"), "-out", at(who + ".pem")});
  }
  void serve(const std::string& certificate = "server") {
    server = std::make_unique<Background>(
        Arguments{"python3", BEDPLATE_HTTP_SERVER, "--certificate", at(certificate + ".pem"), "--key",
                  at(certificate + ".key"), "--client-ca", at("ca.pem"), "--routes", at("routes")},
        at(certificate + ".log"));
    port = server->await("");
  }
  std::string base64(const std::string& file) { return run({"openssl", "base64", "-A", "-in", at(file)}); }
  void kubeconfig(const std::string& ca = "ca", const std::string& who = "admin", const std::string& scheme = "https") {
    tree.write(host::paths::k3sKubeconfig,
               "clusters:\n- cluster:\n    certificate-authority-data: " + base64(ca + ".pem") +
                   "\n    server: " + scheme + "://127.0.0.1:" + port +
                   "\n  name: default\ncontexts:\n- context: {cluster: default, user: "
                   "default}\n  name: default\ncurrent-context: default\nusers:\n- name: "
                   "default\n  user:\n    client-certificate-data: " +
                   base64(who + ".pem") + "\n    client-key-data: " + base64(who + ".key") + "\n");
  }
  Api api() {
    source::WorkerSetup setup;
    setup.httpProgram = BEDPLATE_HTTP;
    setup.user = "";
    session = *source::HttpSession::start(setup);
    return {*session, *readKubeconfig(tree.files())};
  }
  std::string reason(const std::string& path = kLease) {
    const auto answer = api().get(path, 1 << 20);
    text = answer ? "" : answer.error().text();
    return answer ? "" : answer.error().reason;
  }

  testlib::TempTree tree;
  std::unique_ptr<Background> server;
  std::unique_ptr<source::HttpSession> session;
  std::string port, text;
};

TEST_F(KubeApiTest, ReadsAndWrites) {
  serve();
  kubeconfig();
  Api client = api();
  EXPECT_EQ(*client.get(kLease, 1 << 20), R"({"kind":"Lease"})");
  EXPECT_TRUE(client.create(kLease, "{}"));
  EXPECT_TRUE(client.replace(kLease, "{}"));
  EXPECT_TRUE(client.patch(kLease, "{}"));
  EXPECT_TRUE(client.remove(kLease, "{}"));
  const std::string log = server->logged();
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"})
    EXPECT_THAT(log, HasSubstr(std::string(method) + " " + kLease + "\n"));
  EXPECT_THAT(log, HasSubstr("client admin\n"));
  EXPECT_THAT(log, HasSubstr("body application/merge-patch+json 2 "));
  const auto conflict = client.replace("/conflict", "{}");
  ASSERT_FALSE(conflict);
  EXPECT_EQ(conflict.error().reason, "Conflict");
  EXPECT_THAT(conflict.error().text(), HasSubstr("has been modified"));
}

TEST_F(KubeApiTest, AKubeconfigThatLies) {
  makeCa("stranger");
  makeCertificate("old", "-1");
  serve();
  kubeconfig("stranger");
  EXPECT_EQ(reason(), "CertificateRefused") << text;
  kubeconfig("ca", "old");  // ours: the server hangs up
  EXPECT_NE(reason(), "") << text;
  kubeconfig("ca", "admin", "http");
  EXPECT_EQ(readKubeconfig(tree.files()).error().reason, "Malformed");
  kubeconfig();
  EXPECT_EQ(reason("/endless-body"), "TooLarge") << text;
  EXPECT_EQ(reason("/endless-headers"), "TooLarge") << text;
  EXPECT_EQ(reason("/garbage"), "NotHttp") << text;
  EXPECT_EQ(reason(), "") << text;
  serve("old");
  kubeconfig();
  EXPECT_EQ(reason(), "CertificateRefused") << text;
  EXPECT_THAT(text, HasSubstr("expired"));
}

}  // namespace
}  // namespace bedplate::kube
