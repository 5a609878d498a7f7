#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>

#include "agent/source/source.h"

namespace bedplate::source {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;
using ::testing::Not;

const ObjectId kZero = hashObject(ObjectType::blob, "zero", 20);
const ObjectId kOne = hashObject(ObjectType::blob, "one", 20);
const ObjectId kUnknown = hashObject(ObjectType::blob, "unknown", 20);

// Long for what must come through on a loaded machine, short for what must run into it.
host::Result<std::unique_ptr<Session>> start(const std::string& how, std::int64_t timeoutMs = 20000) {
  Remote remote;
  remote.url = "https://user:secret@example.org/x.git";
  remote.branch = how;
  remote.timeoutMs = timeoutMs;
  WorkerSetup setup;
  setup.program = BEDPLATE_FAKE_WORKER;
  setup.mirror = "/nonexistent/mirror.git";
  setup.user = "";
  return Session::start(remote, setup);
}

// No worker is left behind, whatever it did.
class SessionTest : public ::testing::Test {
 protected:
  void TearDown() override {
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
  }
};

TEST_F(SessionTest, TakesWhatHashes) {
  const auto session = start("honest");
  ASSERT_TRUE(session) << session.error().text();
  EXPECT_EQ((*session)->head().bytes(), std::string(20, 'h'));
  EXPECT_TRUE((*session)->fetch());
  const auto got = (*session)->get(ObjectType::blob, {kOne, kZero, kOne}, 100);
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ((*got)[0], "one");
  EXPECT_EQ((*got)[1], "zero");
  EXPECT_EQ((*got)[2], "one");
}

TEST_F(SessionTest, AsksForMoreThanOneRequestHolds) {
  const auto session = start("honest");
  ASSERT_TRUE(session);
  const auto got = (*session)->get(ObjectType::blob, std::vector<ObjectId>(1000, kOne), 100);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->size(), 1000u);
}

TEST_F(SessionTest, GoesOnAfterAMissingObject) {
  const auto session = start("honest");
  ASSERT_TRUE(session);
  EXPECT_EQ((*session)->get(ObjectType::blob, {kUnknown, kOne}, 100).error().reason, "ObjectMissing");
  EXPECT_EQ((*(*session)->get(ObjectType::blob, {kZero}, 100))[0], "zero");
}

TEST_F(SessionTest, RefusesWhatIsForged) {
  for (const std::string how : {"swapped", "swapped-id", "type"}) {
    const auto session = start(how);
    ASSERT_TRUE(session) << how;
    const auto got = (*session)->get(ObjectType::blob, {kZero}, 100);
    ASSERT_FALSE(got) << how;
    EXPECT_EQ(got.error().reason, "ObjectRefused") << how;
    // It is not asked again.
    EXPECT_EQ((*session)->fetch().error().reason, "ObjectRefused") << how;
  }
}

TEST_F(SessionTest, RefusesAnObjectOverTheLimit) {
  const auto session = start("honest");
  ASSERT_TRUE(session);
  EXPECT_EQ((*session)->get(ObjectType::blob, {kZero}, 3).error().reason, "ObjectRefused");
}

TEST_F(SessionTest, SaysWhatWasWithheld) {
  const auto session = start("withheld");
  ASSERT_TRUE(session);
  const auto got = (*session)->get(ObjectType::blob, {kZero}, 100);
  EXPECT_EQ(got.error().reason, "ObjectMissing");
  EXPECT_EQ(got.error().thing, kZero.hex());
}

TEST_F(SessionTest, EndsAWorkerThatBreaksTheProtocol) {
  for (const std::string how : {"garbage", "long-frame", "unasked", "short-id", "reason"}) {
    const auto session = start(how);
    ASSERT_FALSE(session) << how;
    EXPECT_EQ(session.error().reason, "WorkerFailed") << how;
  }
}

TEST_F(SessionTest, SaysHowAWorkerEnded) {
  EXPECT_THAT(start("exit").error().text(), HasSubstr("status 3, its last words: libgit2.so.1.5: cannot open"));
  EXPECT_THAT(start("crash").error().text(), HasSubstr("signal 31"));
  const auto session = start("dies-later");
  ASSERT_TRUE(session);
  const auto fetched = (*session)->fetch();
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().reason, "WorkerFailed");
  EXPECT_THAT(fetched.error().text(), HasSubstr("signal 9"));
}

TEST_F(SessionTest, EndsASilentWorkerAtTheDeadline) {
  for (const std::string how : {"silent", "still"}) {
    const auto before = steady_clock::now();
    const auto session = start(how, 200);
    const auto took = steady_clock::now() - before;
    ASSERT_FALSE(session) << how;
    EXPECT_EQ(session.error().reason, "Timeout") << how;
    EXPECT_GE(took, milliseconds(200)) << how;
    EXPECT_LT(took, milliseconds(20 * 200)) << how;
    EXPECT_THAT(session.error().text(), HasSubstr("no progress for 0.2 s"));
  }
}

TEST_F(SessionTest, EndsAWorkerThatIsBusyForever) {
  // On a loaded machine its start alone may take longer than this.
  auto session = start("endless", 500);
  for (int tries = 0; tries < 20 && !session; ++tries) session = start("endless", 500);
  ASSERT_TRUE(session) << session.error().text();
  const auto before = steady_clock::now();
  const auto fetched = (*session)->fetch();
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().reason, "Timeout");
  EXPECT_GE(steady_clock::now() - before, milliseconds(20 * 500));
  EXPECT_THAT(fetched.error().text(), HasSubstr("was not done after 10 s"));
}

TEST_F(SessionTest, EndsAWorkerThatDoesNotLeave) {
  auto session = start("stays");
  ASSERT_TRUE(session);
  const auto before = steady_clock::now();
  session->reset();
  EXPECT_LT(steady_clock::now() - before, milliseconds(10000));
}

TEST_F(SessionTest, IsNotHeldByAWorkerThatTalks) {
  const auto session = start("noise");
  ASSERT_TRUE(session) << session.error().text();
}

TEST_F(SessionTest, ShowsNeitherSecretsNorEscapes) {
  const auto session = start("escape");
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().reason, "RemoteUnreachable");
  EXPECT_THAT(session.error().text(), HasSubstr("https://user:...@example.org/x.git: ?[2Jall is well?"));
  EXPECT_THAT(session.error().text(), Not(HasSubstr("secret")));
}

TEST_F(SessionTest, SaysThatThereIsNoWorker) {
  Remote remote;
  WorkerSetup setup;
  setup.program = "/nonexistent/bedplate-worker";
  setup.user = "";
  const auto session = Session::start(remote, setup);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().reason, "WorkerFailed");
  EXPECT_THAT(session.error().text(), HasSubstr("/nonexistent/bedplate-worker: cannot be started: No such file"));
}

TEST_F(SessionTest, SaysThatTheUserDoesNotExist) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: only root changes users";
  Remote remote;
  WorkerSetup setup;
  setup.program = BEDPLATE_FAKE_WORKER;
  setup.user = "no-such-user";
  const auto session = Session::start(remote, setup);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().reason, "WorkerFailed");
  EXPECT_THAT(session.error().text(), HasSubstr("systemd-sysusers"));
}

}  // namespace
}  // namespace bedplate::source
