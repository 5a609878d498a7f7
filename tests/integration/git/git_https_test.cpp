// https://, against git http-backend with a CA of the test's own.
#include <gmock/gmock.h>

#include "tests/integration/git/fixture.h"

namespace bedplate::gittest {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class GitHttps : public GitTest {
 protected:
  void SetUp() override {
    makeCa("ca");
    makeCertificate("ca", "server", "localhost");
    remote.caFile = tree.read("ca.pem");
    head = commit("a", "1");
  }
  void makeCa(const std::string& ca) {
    run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=test " + ca, "-keyout", at(ca + ".key"), "-out", at(ca + ".pem")});
  }
  void makeCertificate(const std::string& ca, const std::string& file, const std::string& host) {
    run({"openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
         "/CN=" + host, "-keyout", at(file + ".key"), "-out", at(file + ".csr")});
    tree.write(file + ".ext", "subjectAltName=DNS:" + host + "\n");
    run({"openssl", "x509", "-req", "-days", "2", "-in", at(file + ".csr"), "-CA", at(ca + ".pem"), "-CAkey",
         at(ca + ".key"), "-CAcreateserial", "-extfile", at(file + ".ext"), "-out", at(file + ".pem")});
  }
  void serve(const Arguments& options = {}, const std::string& certificate = "server") {
    Arguments arguments{"python3", BEDPLATE_GIT_HTTPS, at("remote"), at(certificate + ".pem"),
                        at(certificate + ".key")};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const auto log = "https-" + std::to_string(++servers) + ".log";
    server = std::make_unique<Background>(arguments, at(log));
    std::string port = server->await("");
    remote.url = "https://localhost:" + port + "/infra.git";
  }

  std::string head;
  int servers = 0;
  std::unique_ptr<Background> server;
};

TEST_F(GitHttps, FetchesWithTheCaAndTheToken) {
  serve({"--token", "s3cret-token"});
  remote.token = "s3cret-token";
  auto session = fetched();
  ASSERT_TRUE(session);
  EXPECT_EQ(session->head().hex(), head);
  EXPECT_TRUE(snapshot(*session));
  session.reset();
  EXPECT_THAT(server->logged(), HasSubstr("user oauth2\n"));
  const auto second = commit("a", "2");
  session = fetched();
  ASSERT_TRUE(session);
  EXPECT_EQ(session->range(id(head), id(second), limits)->size(), 1u);
}

TEST_F(GitHttps, TakesTheUserOfTheUrl) {
  serve({"--token", "s3cret-token"});
  remote.token = "s3cret-token";
  remote.url.insert(8, "deploy-token-7@");
  EXPECT_EQ(reason(), "") << text;
  EXPECT_THAT(server->logged(), HasSubstr("user deploy-token-7\n"));
}

TEST_F(GitHttps, SaysThatTheTokenIsNotAccepted) {
  serve({"--token", "s3cret-token"});
  remote.token = "wrong-token";
  EXPECT_EQ(reason(), "AuthenticationFailed");
  EXPECT_THAT(text, HasSubstr("does not accept the token"));
  EXPECT_THAT(text, Not(HasSubstr("wrong-token")));
  remote.token.clear();
  EXPECT_EQ(reason(), "AuthenticationFailed");
  EXPECT_THAT(text, HasSubstr("none is configured"));
}

TEST_F(GitHttps, RefusesTheCertificateOfAnotherCa) {
  serve({"--token", "s3cret-token"});
  remote.token = "s3cret-token";
  makeCa("stranger");
  remote.caFile = tree.read("stranger.pem");
  EXPECT_EQ(reason(), "CertificateRefused") << text;
  remote.caFile.clear();  // the system's know nothing of the test's
  EXPECT_EQ(reason(), "CertificateRefused") << text;
  EXPECT_THAT(server->logged(), Not(HasSubstr("user ")));
  remote.caFile = "not a certificate";
  EXPECT_EQ(reason(), "CertificateRefused") << text;
  EXPECT_THAT(text, HasSubstr("CA file"));
}

TEST_F(GitHttps, RefusesTheCertificateOfAnotherHost) {
  makeCertificate("ca", "elsewhere", "git.example.org");
  serve({}, "elsewhere");
  EXPECT_EQ(reason(), "CertificateRefused") << text;
}

TEST_F(GitHttps, DoesNotFollowARedirectToAnotherHost) {
  serve({"--token", "s3cret-token"});
  // The same server under its other name.
  const std::string target = "https://127.0.0.1" + remote.url.substr(17, remote.url.rfind('/') - 17);
  const auto behind = std::move(server);
  serve({"--redirect", target});
  remote.token = "s3cret-token";
  EXPECT_EQ(reason(), "RemoteUnreachable") << text;
  EXPECT_THAT(text, HasSubstr("another host"));
  EXPECT_THAT(behind->logged(), Not(HasSubstr("user ")));
}

TEST_F(GitHttps, SaysThatThereIsNoRepository) {
  serve();
  remote.url += "x";
  EXPECT_EQ(reason(), "RemoteUnreachable") << text;
}

TEST_F(GitHttps, ServesWhoNeedsNoToken) {
  serve();
  EXPECT_EQ(reason(), "") << text;
}

}  // namespace
}  // namespace bedplate::gittest
