// What the agent believes of a worker that brings HTTP answers. The real one: tests/integration/http.
#include "agent/source/http.h"

#include <gmock/gmock.h>

namespace bedplate::source {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class HttpSessionTest : public ::testing::Test {
 protected:
  host::Result<HttpResponse> send(const std::string& how) {
    if (!session) {
      WorkerSetup setup;
      setup.httpProgram = BEDPLATE_FAKE_WORKER;
      setup.user = "";
      auto started = HttpSession::start(setup);
      if (!started) return host::Failure(started.error());
      session = std::move(*started);
    }
    HttpRequest request;
    request.url = how;
    request.key = "s3cret";
    request.mostBytes = 100;
    request.deadlineMs = 1;
    return session->send(request);
  }
  std::unique_ptr<HttpSession> session;
};

TEST_F(HttpSessionTest, TakesWhatIsWithinItsBounds) {
  for (int i = 0; i < 3; ++i) {
    const auto answer = send("honest");
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(answer->status, 404);
    EXPECT_EQ(answer->body.size(), 100u);
  }
}

TEST_F(HttpSessionTest, EndsAWorkerThatBreaksTheProtocol) {
  for (const char* how : {"silent", "exit", "large", "just-too-large", "status", "left-over", "unasked", "reason"}) {
    session.reset();
    const auto answer = send(how);
    ASSERT_FALSE(answer) << how;
    EXPECT_EQ(answer.error().reason, "WorkerFailed") << how;
    EXPECT_THAT(answer.error().text(), Not(HasSubstr("s3cret")));
    EXPECT_FALSE(send("honest")) << how;
  }
}

TEST_F(HttpSessionTest, AFailureOfGitIsNoAnswer) { EXPECT_FALSE(send("of-git")); }

TEST_F(HttpSessionTest, ShowsWhatItIsToldWithoutControlCharacters) {
  const auto answer = send("escape");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().reason, "Unreachable");
  EXPECT_THAT(answer.error().why, HasSubstr("all is well"));
  EXPECT_THAT(answer.error().why, Not(HasSubstr("\x1b")));
  EXPECT_TRUE(send("honest"));
}

}  // namespace
}  // namespace bedplate::source
