// Whoever takes a worker over gets nowhere: each attempt is made by a process that is started and held as the workers
// are. That the attempt itself is sound is shown beside it, by the same program let loose.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agent/source/landlock.h"
#include "agent/source/process.h"
#include "tests/lib/temp_tree.h"
#include "tuning/host/sanitized.h"

namespace bedplate::source {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using ::testing::HasSubstr;

const auto kEnded = HasSubstr("signal 31");
constexpr const char* kNoSuchCall = "Function not implemented";
constexpr const char* kDenied = "Permission denied";
constexpr const char* kDone = "done";

class Confined : public ::testing::Test {
 protected:
  Confined() {
    fs::permissions(tree.path(), fs::perms(0755));
    // Where nobody can reach it; the build may lie in a closed folder.
    fs::copy_file(BEDPLATE_ATTEMPTS, at("attempts"));
    fs::permissions(at("attempts"), fs::perms(0755));
    for (const char* name : {"own", "open"}) fs::create_directory(at(name));
    fs::permissions(at("open"), fs::perms(01777));
    const passwd* nobody = root() ? ::getpwnam("nobody") : nullptr;
    if (nobody != nullptr) own = ::chown(at("own").c_str(), nobody->pw_uid, nobody->pw_gid) == 0;
    setup.program = at("attempts");
    setup.mirror = at("own/mirror.git");
  }

  static bool root() { return ::geteuid() == 0; }
  [[nodiscard]] std::string at(const std::string& name) const { return tree.path() + "/" + name; }

  // What the attempt came to: what it said, or how it ended.
  std::string run(const std::string& mode, const std::string& name, const std::string& path = {}) {
    Command command;
    command.writable = mode == "held" ? at("own") : "/";
    command.arguments = {mode, name, path};
    setup.user = mode == "held" && root() ? "nobody" : "";
    auto process = Process::start(setup, command);
    if (!process) return process.error().text();
    std::string said;
    char chunk[256];
    pollfd waiting{process->socket(), POLLIN, 0};
    while (::poll(&waiting, 1, 30000) > 0) {
      const ssize_t n = ::recv(process->socket(), chunk, sizeof chunk, 0);
      if (n <= 0) break;
      said.append(chunk, static_cast<std::size_t>(n));
    }
    const std::string ended = process->end(5000);
    return said.empty() ? ended : said;
  }
  std::string held(const std::string& name, const std::string& path = {}) { return run("held", name, path); }
  std::string free(const std::string& name, const std::string& path = {}) { return run("free", name, path); }

  testlib::TempTree tree;
  WorkerSetup setup;
  bool own = true;
};

// Without the filter only what the user and Landlock hold can be looked at.
class Filtered : public Confined {
 protected:
  void SetUp() override {
    if (host::kSanitized) GTEST_SKIP() << "SKIPPED: a sanitizer's runtime needs what the filter refuses";
  }
};

class Held : public Confined {
 protected:
  void SetUp() override {
    if (landlockVersion() == 0) GTEST_SKIP() << "SKIPPED: this kernel has no Landlock";
  }
};

TEST_F(Confined, DoesNotReadTheShadowFile) {
  if (!root()) GTEST_SKIP() << "SKIPPED: only root changes users";
  EXPECT_EQ(held("read", "/etc/shadow"), kDenied);
  EXPECT_EQ(free("read", "/etc/shadow"), kDone);
}

TEST_F(Confined, DoesNotWriteEtc) {
  if (!root()) GTEST_SKIP() << "SKIPPED: only root changes users";
  EXPECT_EQ(held("write", "/etc"), kDenied);
  EXPECT_EQ(free("write", "/etc"), kDone);
}

TEST_F(Confined, WritesItsOwnFolder) { EXPECT_EQ(held("write", at("own")), kDone); }

TEST_F(Held, DoesNotWriteWhereEverybodyMay) {
  for (const std::string& folder : {at("open"), std::string("/tmp"), std::string("/dev/shm")}) {
    EXPECT_EQ(held("write", folder), kDenied) << folder;
    EXPECT_EQ(free("write", folder), kDone) << folder;
  }
}

TEST_F(Held, DoesNotChangeAFileThatEverybodyMayWrite) {
  const auto file = at("open/file");
  std::ofstream(file) << "x";
  fs::permissions(file, fs::perms(0666));
  fs::permissions(at("open"), fs::perms(0777));
  EXPECT_THAT(held("truncate", file), AnyOf(kDenied, kNoSuchCall));
  EXPECT_THAT(held("rename", file), AnyOf(kDenied, "Invalid cross-device link"));
  EXPECT_EQ(fs::file_size(file), 1u);
  EXPECT_EQ(free("truncate", file), kDone);
  EXPECT_EQ(free("rename", file), kDone);
}

TEST_F(Held, ReachesNoProcessByASignal) {
  if (landlockVersion() < 6) GTEST_SKIP() << "SKIPPED: this kernel's Landlock knows no signals (before Linux 6.12)";
  EXPECT_THAT(held("tgkill-parent"), HasSubstr("not permitted"));
}

TEST_F(Filtered, OpensNoRawSocket) {
  for (const std::string name : {"raw-socket", "raw-socket-6", "packet-socket", "audit-socket"}) {
    EXPECT_EQ(held(name), kNoSuchCall) << name;
    EXPECT_EQ(free(name), root() ? kDone : "Operation not permitted") << name;
  }
}

TEST_F(Filtered, ListensNowhere) {
  EXPECT_EQ(held("listen"), kNoSuchCall);
  EXPECT_EQ(free("listen"), kDone);
}

TEST_F(Held, TakesNoPort) {
  if (landlockVersion() < 4) GTEST_SKIP() << "SKIPPED: this kernel's Landlock knows no ports (before Linux 6.7)";
  EXPECT_EQ(held("bind"), kDenied);
}

TEST_F(Filtered, ExecutesNoShell) {
  EXPECT_THAT(held("shell"), kEnded);
  EXPECT_EQ(free("shell"), kDone);
}

TEST_F(Filtered, MakesNoProcess) {
  EXPECT_EQ(held("fork"), kNoSuchCall);
  EXPECT_EQ(free("fork"), kDone);
}

TEST_F(Filtered, ReachesNoOtherProcess) {
  for (const std::string name : {"trace", "read-parent"}) {
    EXPECT_THAT(held(name), kEnded) << name;
    EXPECT_THAT(free(name), ::testing::Not(kEnded)) << name;  // Landlock, where it is, refuses it as well
  }
  EXPECT_EQ(held("signal-parent"), kNoSuchCall);
}

TEST_F(Filtered, IsEndedWhenItWantsToBeSomebodyElse) {
  for (const std::string name :
       {"become-root", "namespace", "mount", "chroot", "bpf", "perf", "userfault", "module", "kexec"}) {
    EXPECT_THAT(held(name), kEnded) << name;
    EXPECT_THAT(free(name), ::testing::Not(kEnded)) << name;
  }
}

TEST_F(Filtered, FindsNoCallThatIsNotListed) {
  for (const std::string name : {"keyring", "io-uring", "clone3", "dumpable"}) {
    EXPECT_EQ(held(name), kNoSuchCall) << name;
    EXPECT_NE(free(name), kNoSuchCall) << name;
  }
}

TEST_F(Filtered, DoesItsWork) {
  for (const std::string name : {"thread", "name", "route-socket"}) EXPECT_EQ(held(name), kDone) << name;
}

}  // namespace
}  // namespace bedplate::source
