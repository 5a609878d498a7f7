// A worker that was taken over streams what it likes. Each time: an error that says so, no crash, no hang, and the
// agent's memory stays below 64 MiB.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cerrno>

#include "agent/source/source.h"
#include "tests/lib/memory_peak.h"
#include "tuning/host/sanitized.h"

namespace bedplate::source {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kMostKib = 64 << 10;
const ObjectId kZero = hashObject(ObjectType::blob, "zero", 20);

class Hostile : public ::testing::Test {
 protected:
  void TearDown() override {
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
    RecordProperty("VmHWM_KiB", static_cast<int>(testlib::MemoryPeak::kib()));
    if (!host::kSanitized) {
      EXPECT_LT(testlib::MemoryPeak::kib(), kMostKib);
    }
  }

  static std::unique_ptr<Session> start(const std::string& how) {
    Remote remote;
    remote.url = "https://example.org/x.git";
    remote.branch = how;
    WorkerSetup setup;
    setup.program = BEDPLATE_FAKE_WORKER;
    setup.mirror = "/nonexistent/mirror.git";
    setup.user = "";
    auto session = Session::start(remote, setup);
    if (!session) ADD_FAILURE() << session.error().text();
    return session ? std::move(*session) : nullptr;
  }
  // The error of asking for one object; "" and no text when it was given.
  host::Error askFor(const std::string& how) {
    const auto session = start(how);
    const auto got = session->get(ObjectType::blob, {kZero}, 100);
    return got ? host::Error{} : got.error();
  }
  host::Result<Snapshot> snapshot(Session& session, const std::string& path = "") {
    BEDPLATE_TRY_LET(const auto head, readCommit(session, session.head()));
    return readSnapshot(session, head, path, limits, {}, refusals);
  }

  testlib::MemoryPeak peak;
  Limits limits;
  std::vector<Refusal> refusals;
};

TEST_F(Hostile, ObjectsThatAreSwapped) {
  for (const std::string how : {"swapped", "swapped-id", "type"}) EXPECT_EQ(askFor(how).reason, "ObjectRefused") << how;
}

TEST_F(Hostile, AnObjectThatIsLargerThanAnnounced) {
  for (const std::string how : {"more-than-announced", "less-than-announced"}) {
    const auto error = askFor(how);
    EXPECT_EQ(error.reason, "WorkerFailed") << how;
    EXPECT_THAT(error.why, HasSubstr("cannot be read")) << how;
  }
}

TEST_F(Hostile, AnObjectWithoutAnEnd) {
  for (const std::string how : {"larger-than-a-frame", "endless-object"}) {
    const auto error = askFor(how);
    EXPECT_EQ(error.reason, "WorkerFailed") << how;
    EXPECT_THAT(error.why, HasSubstr("cannot be a frame")) << how;
  }
}

TEST_F(Hostile, ObjectsWithoutAnEnd) {
  const auto session = start("endless-objects");
  ASSERT_TRUE(session->get(ObjectType::blob, {kZero}, 100));
  // The next answer is the one before it, and more are behind it.
  const auto other = hashObject(ObjectType::blob, "one", 20);
  EXPECT_EQ(session->get(ObjectType::blob, {other}, 100).error().reason, "ObjectRefused");
  EXPECT_EQ(session->get(ObjectType::blob, {kZero}, 100).error().reason, "ObjectRefused");
}

TEST_F(Hostile, CommitsWithoutAnEnd) {
  const auto session = start("endless-commits");
  const auto got = session->range(kZero, session->head(), limits);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().reason, "TooManyCommits");
}

TEST_F(Hostile, LargeCommitsWithoutAnEnd) {
  const auto session = start("fat-commits");
  const auto got = session->range(kZero, session->head(), limits);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().reason, "TooManyCommits");
}

TEST_F(Hostile, ACommitWhoseTreeIsNotSent) {
  const auto session = start("treeless");
  const auto seen = snapshot(*session);
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().reason, "ObjectMissing");
  EXPECT_EQ(seen.error().thing, hashObject(ObjectType::tree, "kept back", 20).hex());
}

TEST_F(Hostile, FilesThatAreTooMuchTogether) {
  const auto session = start("fat-blobs");
  const auto seen = snapshot(*session);
  ASSERT_TRUE(seen) << seen.error().text();
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_THAT(refusals[0].why, HasSubstr("more than 24 MiB in all"));
}

TEST_F(Hostile, DirectoriesThatAreTooMuchTogether) {
  const auto session = start("fat-trees");
  const auto seen = snapshot(*session);
  ASSERT_TRUE(seen) << seen.error().text();
  ASSERT_FALSE(refusals.empty());
  EXPECT_THAT(refusals.back().why, HasSubstr("directories alone are more than 32 MiB"));
}

TEST_F(Hostile, AWideDirectoryOnTheWay) {
  const auto session = start("wide");
  const auto seen = snapshot(*session, "x");
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().reason, "PathNotFound");
}

TEST_F(Hostile, AMillionNamesThatAreRefused) {
  const auto session = start("refused-names");
  ASSERT_TRUE(snapshot(*session));
  EXPECT_LE(refusals.size(), limits.totalFiles + 1);
  EXPECT_GT(refusals.size(), limits.totalFiles / 2);
}

}  // namespace
}  // namespace bedplate::source
