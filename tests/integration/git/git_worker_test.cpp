// The worker as a process: whose it is, what it may, and that it is gone afterwards.
#include <gmock/gmock.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/integration/git/fixture.h"
#include "tuning/host/sanitized.h"

namespace bedplate::gittest {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string slurp(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

class GitWorker : public GitTest {
 protected:
  void TearDown() override {
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
  }
  // The only child that we have.
  static pid_t worker() {
    std::istringstream children(slurp("/proc/self/task/" + std::to_string(::getpid()) + "/children"));
    pid_t pid = 0;
    children >> pid;
    return pid;
  }
  static std::string statusLine(pid_t pid, const std::string& key) {
    std::istringstream lines(slurp("/proc/" + std::to_string(pid) + "/status"));
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with(key + ":\t")) return line.substr(key.size() + 2);
    return "none";
  }
};

TEST_F(GitWorker, RunsWithoutPrivilegesInItsOwnGroup) {
  commit("a", "1");
  const auto session = start();
  ASSERT_TRUE(session) << session.error().text();
  const pid_t pid = worker();
  ASSERT_GT(pid, 0);
  const std::string proc = "/proc/" + std::to_string(pid);
  EXPECT_EQ(statusLine(pid, "NoNewPrivs"), "1");
  // Every thread of it, also the one that waits for our end. Not under a sanitizer: agent/worker/confine.cpp.
  for (const auto& thread : fs::directory_iterator(proc + "/task"))
    EXPECT_TRUE(host::kSanitized ||
                slurp(thread.path().string() + "/status").find("\nSeccomp:\t2\n") != std::string::npos)
        << thread.path();
  EXPECT_EQ(::getpgid(pid), pid);
  const std::string rlimits = slurp(proc + "/limits");
  EXPECT_THAT(rlimits, ::testing::ContainsRegex("Max core file size +0 "));
  EXPECT_THAT(rlimits, ::testing::ContainsRegex("Max file size +1073741824 "));
  // Not dumpable: its memory holds the key. /proc then belongs to root.
  struct stat status{};
  ASSERT_EQ(::stat((proc + "/mem").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 0u);
}

TEST_F(GitWorker, HasTheSocketAndNothingElseOfOurs) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: only root sees the descriptors of the worker";
  commit("a", "1");
  std::ofstream ours(at("ours"));
  const int leaky = ::dup(STDERR_FILENO);  // not close-on-exec
  const auto session = start();
  ::close(leaky);
  ASSERT_TRUE(session) << session.error().text();
  const std::string proc = "/proc/" + std::to_string(worker());
  EXPECT_EQ(fs::read_symlink(proc + "/fd/0"), "/dev/null");
  EXPECT_EQ(fs::read_symlink(proc + "/fd/1"), "/dev/null");
  EXPECT_THAT(fs::read_symlink(proc + "/fd/2").string(), HasSubstr("pipe:"));
  EXPECT_THAT(fs::read_symlink(proc + "/fd/3").string(), HasSubstr("socket:"));
  for (const auto& entry : fs::directory_iterator(proc + "/fd")) {
    const std::string number = entry.path().filename();
    if (number.size() == 1 && number <= "3") continue;
    // What it opened itself lies in its folder, in the remote, or in memory.
    EXPECT_THAT(fs::read_symlink(entry.path()).string(), ::testing::Not(HasSubstr("/ours"))) << entry.path();
    EXPECT_NE(fs::read_symlink(entry.path()), fs::read_symlink("/proc/self/fd/2")) << entry.path();
  }
  std::string environment = slurp(proc + "/environ");
  std::replace(environment.begin(), environment.end(), '\0', '\n');
  EXPECT_EQ(environment, "PATH=/usr/bin:/bin\nLANG=C\nHOME=" + at("state/git") + "\n");
}

TEST_F(GitWorker, RunsAsAnotherUserWhenWeAreRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: only root changes users";
  const passwd* nobody = ::getpwnam("nobody");
  if (nobody == nullptr) GTEST_SKIP() << "SKIPPED: no user nobody here";
  const auto head = commit("a", "1");
  // Where nobody can reach it; the build may lie in a closed folder.
  fs::copy_file(setup.program, at("bedplate-worker"));
  setup.program = at("bedplate-worker");
  fs::permissions(tree.path(), fs::perms(0755));
  fs::permissions(setup.program, fs::perms(0755));
  ASSERT_EQ(::chown(at("state/git").c_str(), nobody->pw_uid, nobody->pw_gid), 0);
  setup.user = "nobody";
  const auto session = start();
  ASSERT_TRUE(session) << session.error().text();
  const pid_t pid = worker();
  const std::string uid = std::to_string(nobody->pw_uid);
  const std::string gid = std::to_string(nobody->pw_gid);
  EXPECT_EQ(statusLine(pid, "Uid"), uid + "\t" + uid + "\t" + uid + "\t" + uid);
  EXPECT_EQ(statusLine(pid, "Gid"), gid + "\t" + gid + "\t" + gid + "\t" + gid);
  EXPECT_THAT(statusLine(pid, "Groups"), ::testing::AnyOf("", " "));
  EXPECT_EQ(statusLine(pid, "NoNewPrivs"), "1");
  EXPECT_THAT(statusLine(pid, "CapEff"), "0000000000000000");
  EXPECT_THAT(statusLine(pid, "CapPrm"), "0000000000000000");
  ASSERT_TRUE((*session)->fetch());
  EXPECT_EQ((*session)->resolve("HEAD")->hex(), head);
  struct stat status{};
  ASSERT_EQ(::stat(setup.mirror.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, nobody->pw_uid);
}

TEST_F(GitWorker, LeavesWhenTheAgentDoesAlsoWhileItWaits) {
  const SilentServer server;
  remote.url = "https://127.0.0.1:" + std::to_string(server.port()) + "/x.git";
  // An agent that dies while its worker waits for a silent server.
  const pid_t agent = ::fork();
  if (agent == 0) {
    static_cast<void>(start());
    ::_exit(0);
  }
  pid_t pid = 0;
  for (int tries = 0; tries < 6000 && pid == 0; ++tries) {
    ::usleep(10000);
    std::istringstream(slurp("/proc/" + std::to_string(agent) + "/task/" + std::to_string(agent) + "/children")) >> pid;
  }
  ASSERT_GT(pid, 0);
  // Until it is the worker and at its work.
  for (int tries = 0; tries < 6000 && statusLine(pid, "Threads") != "2"; ++tries) ::usleep(10000);
  ::kill(agent, SIGKILL);
  ::waitpid(agent, nullptr, 0);
  bool gone = false;
  for (int tries = 0; tries < 6000 && !gone; ++tries) {
    ::usleep(10000);
    const auto state = statusLine(pid, "State");
    gone = state == "none" || state.starts_with("Z");
  }
  EXPECT_TRUE(gone);
}

TEST_F(GitWorker, ACrashIsAnError) {
  commit("a", "1");
  const auto session = start();
  ASSERT_TRUE(session);
  ::kill(worker(), SIGSYS);  // none that a sanitizer takes for itself
  const auto done = (*session)->fetch();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason, "WorkerFailed");
  EXPECT_THAT(done.error().text(), HasSubstr("signal 31"));
}

TEST_F(GitWorker, IsNotForHands) {
  EXPECT_THROW(run({BEDPLATE_WORKER}), std::runtime_error);
  EXPECT_THAT(run({BEDPLATE_WORKER, "--version"}), HasSubstr("bedplate-worker "));
}

}  // namespace
}  // namespace bedplate::gittest
