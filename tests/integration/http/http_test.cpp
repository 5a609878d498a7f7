#include "agent/source/http.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/integration/git/program.h"
#include "tests/lib/temp_tree.h"
#include "tuning/host/sanitized.h"

namespace bedplate::source {
namespace {

using gittest::Arguments;
using gittest::Background;
using gittest::run;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;
using ::testing::Not;

class Http : public ::testing::Test {
 protected:
  Http() {
    setup.httpProgram = BEDPLATE_HTTP;
    setup.user = "";
  }
  [[nodiscard]] std::string at(const std::string& path) const { return tree.path() + "/" + path; }

  void makeCa(const std::string& ca) {
    run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=test " + ca, "-keyout", at(ca + ".key"), "-out", at(ca + ".pem")});
  }
  void makeCertificate(const std::string& ca, const std::string& file, const std::string& name = "IP:127.0.0.1",
                       const Arguments& lifetime = {"-days", "2"}) {
    run({"openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
         "/CN=" + file, "-keyout", at(file + ".key"), "-out", at(file + ".csr")});
    tree.write(file + ".ext", "subjectAltName=" + name + "\n");
    Arguments sign{"openssl",
                   "x509",
                   "-req",
                   "-in",
                   at(file + ".csr"),
                   "-CA",
                   at(ca + ".pem"),
                   "-CAkey",
                   at(ca + ".key"),
                   "-CAcreateserial",
                   "-extfile",
                   at(file + ".ext"),
                   "-out",
                   at(file + ".pem")};
    sign.insert(sign.end(), lifetime.begin(), lifetime.end());
    run(sign);
  }
  void serve(const Arguments& options = {}) {
    Arguments arguments{"python3", BEDPLATE_HTTP_SERVER};
    arguments.insert(arguments.end(), options.begin(), options.end());
    server = std::make_unique<Background>(arguments, at("server-" + std::to_string(++servers) + ".log"));
    port = server->await("");
  }
  void serveTls(const std::string& file = "server", const Arguments& more = {}) {
    Arguments options{"--certificate", at(file + ".pem"), "--key", at(file + ".key")};
    options.insert(options.end(), more.begin(), more.end());
    serve(options);
  }
  [[nodiscard]] HttpRequest plain(const std::string& path) const {
    HttpRequest request;
    request.url = "http://127.0.0.1:" + port + path;
    request.deadlineMs = 20000;
    return request;
  }
  [[nodiscard]] HttpRequest secure(const std::string& path, const std::string& ca = "ca") const {
    HttpRequest request = plain(path);
    request.url.insert(4, "s");
    request.ca = tree.read(ca + ".pem");
    return request;
  }
  host::Result<HttpResponse> send(const HttpRequest& request) {
    if (!session) {
      auto started = HttpSession::start(setup);
      if (!started) return host::Failure(started.error());
      session = std::move(*started);
    }
    return session->send(request);
  }
  // "" when there is an answer; `text` is the whole message.
  std::string reason(const HttpRequest& request) {
    const auto answer = send(request);
    text = answer ? "" : answer.error().text();
    return answer ? "" : answer.error().reason;
  }
  // The reason, which must come within the deadline of half a second, on a loaded machine.
  std::string soon(HttpRequest request) {
    request.deadlineMs = 500;
    const auto begin = steady_clock::now();
    std::string why = reason(request);
    EXPECT_LT(steady_clock::now() - begin, milliseconds(2400)) << request.url;
    return why;
  }
  [[nodiscard]] std::size_t connections() const {
    std::size_t count = 0;
    const std::string log = server->logged();
    for (std::size_t at = 0; (at = log.find("connection\n", at)) != std::string::npos; ++at) ++count;
    return count;
  }

  testlib::TempTree tree;
  WorkerSetup setup;
  std::unique_ptr<Background> server;
  std::string port;
  int servers = 0;
  std::unique_ptr<HttpSession> session;
  std::string text;
};

TEST_F(Http, HoldsItselfToItsSystemCalls) {
  if (host::kSanitized) GTEST_SKIP() << "SKIPPED: a sanitizer's runtime needs what the filter refuses";
  serve();
  const auto started = HttpSession::start(setup);
  ASSERT_TRUE(started) << started.error().text();
  ASSERT_TRUE((*started)->send(plain("/")));
  std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
  std::string status;
  for (std::string pid; children >> pid;) {
    std::ifstream in("/proc/" + pid + "/status");
    const std::string said(std::istreambuf_iterator<char>(in), {});
    if (said.starts_with("Name:\tbedplate-http\n")) status = said;
  }
  EXPECT_THAT(status, HasSubstr("\nNoNewPrivs:\t1\n"));
  EXPECT_THAT(status, HasSubstr("\nSeccomp:\t2\n"));
}

TEST_F(Http, SaysItsName) { EXPECT_THAT(run({BEDPLATE_HTTP, "--version"}), HasSubstr("bedplate-http ")); }

TEST_F(Http, GetsManyOverOneConnection) {
  serve();
  for (int i = 0; i < 20; ++i) {
    const auto answer = send(plain("/hello"));
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "hello");
  }
  EXPECT_EQ(send(plain("/empty"))->body, "");
  EXPECT_EQ(send(plain("/large"))->body.size(), 200000u);
  EXPECT_EQ(connections(), 1u);
}

TEST_F(Http, AStatusIsAnAnswer) {
  serve();
  const auto answer = send(plain("/teapot"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 418);
  EXPECT_EQ(answer->body, "short and stout");
}

TEST_F(Http, HoldsTheBodyToItsBound) {
  serve();
  HttpRequest request = plain("/large");
  request.mostBytes = 200'000;
  EXPECT_EQ(reason(request), "") << text;
  request.mostBytes = 199'999;
  EXPECT_EQ(reason(request), "TooLarge");
  EXPECT_THAT(text, HasSubstr("larger than 199999 bytes"));
  EXPECT_THAT(text, HasSubstr("/large"));
  request = plain("/claims-much");
  EXPECT_EQ(soon(request), "Timeout") << text;  // what a server claims is no reason to give up early
  for (const char* path : {"/endless-chunks", "/endless-body"}) EXPECT_EQ(soon(plain(path)), "TooLarge") << text;
  EXPECT_EQ(reason(plain("/hello")), "") << text;
}

TEST_F(Http, HoldsTheHeaderToItsBound) {
  serve();
  for (const char* path : {"/endless-headers", "/endless-interim", "/endless-trailers"}) {
    EXPECT_EQ(soon(plain(path)), "TooLarge") << path << ": " << text;
    EXPECT_THAT(text, HasSubstr("64 KiB"));
  }
  // One line without end is cut by libcurl itself.
  EXPECT_EQ(soon(plain("/endless-line")), "TooLarge") << text;
}

TEST_F(Http, KeepsTheDeadline) {
  serve();
  for (const char* path : {"/silent", "/drip", "/drip-header"}) EXPECT_EQ(soon(plain(path)), "Timeout") << text;
  EXPECT_EQ(reason(plain("/hello")), "") << text;
}

TEST_F(Http, KeepsTheDeadlineInTheHandshake) {
  makeCa("ca");
  const gittest::SilentServer silent;
  port = std::to_string(silent.port());
  EXPECT_EQ(soon(secure("/hello")), "Timeout") << text;
}

TEST_F(Http, FollowsNoRedirect) {
  serve();
  EXPECT_EQ(reason(plain("/to-file")), "Redirected");
  EXPECT_THAT(text, HasSubstr("redirects are not followed"));
  EXPECT_EQ(reason(plain("/to-hello")), "Redirected");
  EXPECT_THAT(server->logged(), Not(HasSubstr("GET /hello")));
}

TEST_F(Http, SaysWhatIsNotHttp) {
  serve();
  EXPECT_EQ(reason(plain("/garbage")), "NotHttp") << text;
  EXPECT_EQ(reason(plain("/close")), "Unreachable") << text;
  EXPECT_EQ(reason(plain("/short")), "Unreachable") << text;
}

TEST_F(Http, SaysThatNobodyListens) {
  port = std::to_string(gittest::freePort());
  EXPECT_EQ(soon(plain("/hello")), "Unreachable");
  EXPECT_THAT(text, HasSubstr("http://127.0.0.1:" + port + "/hello: "));
}

TEST_F(Http, SpeaksHttpAndNothingElse) {
  HttpRequest request;
  for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "127.0.0.1/x", "",
                          "HTTP://127.0.0.1/", " http://127.0.0.1/"}) {
    request.url = url;
    EXPECT_EQ(reason(request), "UrlRefused") << url;
  }
  request.url = "http://user:password@127.0.0.1:1/";
  EXPECT_EQ(reason(request), "UrlRefused") << text;
}

TEST_F(Http, TakesNoProxyFromTheEnvironment) {
  serve();
  // The agent gives the worker an environment of its own; this is for the day when it does not.
  tree.write("worker",
             "#!/bin/sh\nhttp_proxy=http://127.0.0.1:1 all_proxy=http://127.0.0.1:1 exec " BEDPLATE_HTTP " \"$@\"\n");
  std::filesystem::permissions(at("worker"), std::filesystem::perms::owner_all);
  setup.httpProgram = at("worker");
  EXPECT_EQ(reason(plain("/hello")), "") << text;
}

TEST_F(Http, SendsATokenByTlsOnly) {
  makeCa("ca");
  makeCertificate("ca", "server");
  serveTls();
  HttpRequest request = secure("/hello");
  request.token = "s3cret";
  EXPECT_EQ(reason(request), "") << text;
  EXPECT_THAT(server->logged(), HasSubstr("GET /hello Bearer s3cret\n"));
  request.token = "s3cret\r\nX-Evil: 1";
  EXPECT_EQ(reason(request), "CredentialsRefused");
  EXPECT_THAT(text, Not(HasSubstr("s3cret")));
  serve();
  request = plain("/hello");
  request.token = "s3cret";
  EXPECT_EQ(reason(request), "UrlRefused");
  EXPECT_THAT(server->logged(), Not(HasSubstr("s3cret")));
}

TEST_F(Http, ShowsItsCertificate) {
  makeCa("ca");
  makeCertificate("ca", "server");
  makeCertificate("ca", "node");
  serveTls("server", {"--client-ca", at("ca.pem")});
  HttpRequest request = secure("/hello");
  request.certificate = tree.read("node.pem");
  request.key = tree.read("node.key");
  EXPECT_EQ(reason(request), "") << text;
  EXPECT_EQ(reason(request), "") << text;
  EXPECT_THAT(server->logged(), HasSubstr("client node\n"));
  EXPECT_EQ(connections(), 1u);
  // Without it, and not by the connection that was made with it.
  EXPECT_EQ(reason(secure("/hello")), "Unreachable") << text;
  request.key = tree.read("server.key");
  EXPECT_EQ(reason(request), "CredentialsRefused") << text;
  request.key = "no key";
  EXPECT_EQ(reason(request), "CredentialsRefused") << text;
}

TEST_F(Http, TrustsTheAuthorityOfTheRequestAndNoOther) {
  makeCa("ca");
  makeCa("stranger");
  makeCertificate("ca", "server");
  serveTls();
  EXPECT_EQ(reason(secure("/hello")), "") << text;
  EXPECT_EQ(reason(secure("/hello", "stranger")), "CertificateRefused");
  EXPECT_THAT(text, HasSubstr("check the authority"));
  EXPECT_EQ(reason(secure("/hello")), "") << text;
  HttpRequest request = secure("/hello");
  request.ca = "no certificate";
  EXPECT_EQ(reason(request), "CertificateRefused") << text;
  request.ca.clear();
  EXPECT_EQ(reason(request), "CertificateRefused") << text;
}

TEST_F(Http, RefusesAnotherName) {
  makeCa("ca");
  makeCertificate("ca", "elsewhere", "IP:127.0.0.2");
  serveTls("elsewhere");
  EXPECT_EQ(reason(secure("/hello")), "CertificateRefused") << text;
}

TEST_F(Http, RefusesACertificateThatIsOver) {
  makeCa("ca");
  makeCertificate("ca", "old", "IP:127.0.0.1", {"-days", "-1"});
  serveTls("old");
  EXPECT_EQ(reason(secure("/hello")), "CertificateRefused");
  EXPECT_THAT(text, HasSubstr("expired"));
}

TEST_F(Http, SaysThatAPortSpeaksNoTls) {
  makeCa("ca");
  serve({"--greeting", "220 mail.example.org ESMTP"});
  EXPECT_EQ(soon(secure("/hello")), "TlsFailed") << text;
  EXPECT_EQ(soon(plain("/hello")), "NotHttp") << text;
}

TEST_F(Http, SaysThatAPortSpeaksTls) {
  makeCa("ca");
  makeCertificate("ca", "server");
  serveTls();
  EXPECT_EQ(soon(plain("/hello")), "Unreachable") << text;
}

TEST_F(Http, SendsBodiesOverOneConnection) {
  serve();
  HttpRequest request = plain("/hello");
  request.contentType = "application/json";
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    request.method = method;
    request.body = "{}";
    EXPECT_EQ(reason(request), "") << text;
    EXPECT_THAT(server->logged(),
                HasSubstr(std::string(method) + " /hello\nbody application/json 2 "
                                                "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\n"));
  }
  // What was sent before is not sent again.
  for (const char* method : {"GET", "DELETE", "POST"}) {
    HttpRequest empty = plain("/empty");
    empty.method = method;
    EXPECT_EQ(reason(empty), "") << text;
    EXPECT_THAT(server->logged(), HasSubstr(std::string(method) + " /empty\n"));
  }
  EXPECT_EQ(server->logged().find("body", server->logged().find("/empty")), std::string::npos);
  EXPECT_EQ(connections(), 1u);
}

TEST_F(Http, HoldsWhatIsSentToItsBound) {
  serve();
  HttpRequest request = plain("/hello");
  request.method = "PUT";
  request.contentType = "application/json";
  request.body.assign(1 << 20, 'x');
  EXPECT_EQ(reason(request), "") << text;
  EXPECT_THAT(server->logged(), HasSubstr("body application/json 1048576 "));
  request.body += 'x';
  EXPECT_EQ(reason(request), "TooLarge");
  EXPECT_THAT(text, HasSubstr("larger than 1 MiB"));
}

TEST_F(Http, SendsNothingElse) {
  serve();
  HttpRequest request = plain("/hello");
  for (const char* method : {"TRACE", "CONNECT", "get", "", "GET /x HTTP/1.1\r\n"}) {
    request.method = method;
    EXPECT_EQ(reason(request), "WorkerFailed") << method;
  }
  request.method = "GET";
  request.body = "x";
  request.contentType = "text/plain";
  EXPECT_EQ(reason(request), "WorkerFailed");
  request.method = "POST";
  for (const char* type : {"", "text/plain\r\nX-Evil: 1"}) {
    request.contentType = type;
    EXPECT_EQ(reason(request), "WorkerFailed") << type;
  }
  EXPECT_THAT(server->logged(), Not(HasSubstr("/hello")));
}

TEST_F(Http, IsEndedWhenToldTo) {
  serve();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  setup.interruptFd = ends[0];
  setup.interrupted = [] { return false; };
  EXPECT_EQ(soon(plain("/silent")), "Cancelled") << text;
  EXPECT_EQ(reason(plain("/hello")), "Cancelled");
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(Http, SaysThatThereIsNoWorker) {
  setup.httpProgram = "/nonexistent/bedplate-http";
  EXPECT_EQ(reason(plain("/hello")), "WorkerFailed");
  EXPECT_THAT(text, HasSubstr("/nonexistent/bedplate-http"));
}

}  // namespace
}  // namespace bedplate::source
