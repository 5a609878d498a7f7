#include "agent/source/process.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

#include "agent/source/landlock.h"
#include "agent/source/text.h"
#include "tuning/host/sanitized.h"

namespace bedplate::source {
namespace {

constexpr int kFirstFree = 20;  // above the numbers that the worker's descriptors get
constexpr int kFirstGiven = 5;
constexpr std::size_t kMostGiven = 8;
constexpr rlim_t kMaxOpenFiles = 1024;
constexpr std::size_t kErrorsKept = 2048;
constexpr std::int64_t kLeaveMs = 500;
constexpr std::int64_t kKillMs = 5000;
constexpr const char* kTodo = "see the journal; reinstall the package if the worker is not there";

struct Identity {
  bool change = false;
  uid_t uid = 0;
  gid_t gid = 0;
};

struct Limit {
  decltype(RLIMIT_CORE) which;
  rlimit value;
};

// All that the child needs, made before the fork: after it nothing may allocate.
struct Plan {
  const char* program;
  std::vector<const char*> arguments;
  std::array<const char*, 4> environment;
  Identity identity;
  std::array<Limit, 4> limits;
  std::size_t limitCount;
  int null;
  int socket;
  int errors;
  int status;
  int rules;  // -1: the kernel has no Landlock
  std::vector<int> given;
};

// What the child could not do, sent through a pipe that exec closes.
struct Trouble {
  int step = 0;
  int error = 0;
};

enum Step { descriptors = 1, writing, limits, groups, group, user, privileges, execution };

const char* nameOf(int step) {
  switch (step) {
    case descriptors: return "cannot arrange its descriptors";
    case writing: return "cannot be held to its folder";
    case limits: return "cannot be limited";
    case groups:
    case group:
    case user: return "cannot be given to its user";
    case privileges: return "cannot give up privileges";
    case execution: return "cannot be started";
    default: return "cannot be prepared";
  }
}

host::Failure failed(std::string_view thing, std::string_view why, std::string_view todo = kTodo) {
  return host::fail("WorkerFailed", thing, why, todo);
}

host::Failure failedErrno(std::string_view thing, std::string_view doing, int error) {
  auto failure = host::failErrno(error, thing, doing, kTodo);
  failure.value().reason = "WorkerFailed";
  return failure;
}

host::Result<Identity> identityOf(const WorkerSetup& setup) {
  if (setup.user.empty() || ::geteuid() != 0) return Identity{};
  std::array<char, 16384> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  const int error = ::getpwnam_r(setup.user.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (error != 0) return failedErrno("user " + setup.user, "cannot be looked up", error);
  if (found == nullptr)
    return failed("user " + setup.user, "does not exist, and what is foreign is not read as root",
                  "make it with systemd-sysusers, or reinstall the package");
  if (entry.pw_uid == 0) return failed("user " + setup.user, "is root, and what is foreign is not read as root");
  return Identity{true, entry.pw_uid, entry.pw_gid};
}

// Runs between fork and exec: system calls and nothing else. The C library's setuid() and its kin would look for the
// other threads of the parent.
[[noreturn]] void runChild(const Plan& plan) {
  const auto give = [&](int step) {
    const Trouble trouble{step, errno};
    static_cast<void>(!::write(4, &trouble, sizeof trouble));
    ::_exit(127);
  };
  ::setpgid(0, 0);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  bool arranged = ::dup3(plan.status, 4, O_CLOEXEC) >= 0 && ::dup2(plan.null, 0) >= 0 && ::dup2(plan.null, 1) >= 0 &&
                  ::dup2(plan.errors, 2) >= 0 && ::dup2(plan.socket, 3) >= 0;
  // Landlock asks for the first. The rules' own descriptor is closed with the others, below.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give(privileges);
  if (plan.rules >= 0 && !holdTo(plan.rules)) give(writing);
  int next = kFirstGiven;
  for (const int given : plan.given) arranged = arranged && ::dup2(given, next++) >= 0;
  arranged = arranged && ::syscall(SYS_close_range, static_cast<unsigned>(next), ~0U, 0U) == 0;
  if (!arranged) give(descriptors);
  for (std::size_t i = 0; i < plan.limitCount; ++i)
    if (::setrlimit(plan.limits[i].which, &plan.limits[i].value) != 0) give(limits);
  if (plan.identity.change) {
    if (::syscall(SYS_setgroups, 0, nullptr) != 0) give(groups);
    if (::syscall(SYS_setresgid, plan.identity.gid, plan.identity.gid, plan.identity.gid) != 0) give(group);
    if (::syscall(SYS_setresuid, plan.identity.uid, plan.identity.uid, plan.identity.uid) != 0) give(user);
  }
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) give(privileges);
  static_cast<void>(!::chdir("/"));
  ::execve(plan.program, const_cast<char* const*>(plan.arguments.data()),
           const_cast<char* const*>(plan.environment.data()));
  give(execution);
  ::_exit(127);
}

// Moved out of the way of the numbers that the child's descriptors get.
host::UniqueFd raised(host::UniqueFd fd) {
  return fd.valid() ? host::UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kFirstFree)) : host::UniqueFd();
}

struct Pair {
  host::UniqueFd ours;
  host::UniqueFd theirs;
};

host::Result<Pair> makePair(bool socket) {
  int fds[2] = {-1, -1};
  const int made = socket ? ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) : ::pipe2(fds, O_CLOEXEC);
  if (made != 0) return failedErrno("worker", "cannot make a channel", errno);
  Pair pair{host::UniqueFd(fds[0]), raised(host::UniqueFd(fds[1]))};
  if (!pair.theirs.valid()) return failedErrno("worker", "cannot make a channel", errno);
  return pair;
}

host::Result<std::vector<host::UniqueFd>> raiseAll(const std::vector<int>& descriptors) {
  if (descriptors.size() > kMostGiven) return failed("worker", "is given too many descriptors");
  std::vector<host::UniqueFd> copies;
  for (const int fd : descriptors) {
    copies.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, kFirstFree));
    if (!copies.back().valid()) return failedErrno("worker", "cannot be given a descriptor", errno);
  }
  return copies;
}

std::vector<const char*> argumentsOf(const WorkerSetup& setup, const Command& command) {
  std::vector<const char*> arguments{setup.program.c_str()};
  for (const auto& argument : command.arguments) arguments.push_back(argument.c_str());
  arguments.push_back(nullptr);
  return arguments;
}

void fillLimits(const WorkerSetup& setup, Plan& plan) {
  const auto add = [&](decltype(RLIMIT_CORE) which, rlim_t value) {
    plan.limits[plan.limitCount++] = {which, {value, value}};
  };
  add(RLIMIT_CORE, 0);
  add(RLIMIT_FSIZE, setup.fileBytes);
  add(RLIMIT_NOFILE, kMaxOpenFiles);
  if (!host::kSanitized) add(RLIMIT_AS, setup.memoryBytes);  // a sanitizer reserves terabytes of address space
}

pid_t forkChild(const Plan& plan) {
  // No handler of ours may run in the child before it has put the defaults back.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  if (pid == 0) runChild(plan);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

Trouble readTrouble(int fd) {
  Trouble trouble;
  ssize_t n = 0;
  do n = ::read(fd, &trouble, sizeof trouble);
  while (n < 0 && errno == EINTR);
  return n == static_cast<ssize_t>(sizeof trouble) ? trouble : Trouble{};
}

std::string statusText(int status) {
  if (WIFSIGNALED(status))
    return "was killed by signal " + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")";
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

std::string_view lastLine(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const std::size_t start = text.rfind('\n');
  return start == std::string_view::npos ? text : text.substr(start + 1);
}

}  // namespace

Process::Process(pid_t pid, host::UniqueFd pidFd, host::UniqueFd socket, host::UniqueFd errors)
    : pid_(pid), pidFd_(std::move(pidFd)), socket_(std::move(socket)), errors_(std::move(errors)) {}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidFd_(std::move(other.pidFd_)),
      socket_(std::move(other.socket_)),
      errors_(std::move(other.errors_)),
      said_(std::move(other.said_)),
      ended_(std::move(other.ended_)) {}

Process::~Process() {
  socket_.reset();
  end(kLeaveMs);
}

host::Result<Process> Process::start(const WorkerSetup& setup, const Command& command) {
  BEDPLATE_TRY_LET(const Identity identity, identityOf(setup));
  BEDPLATE_TRY_LET(Pair socket, makePair(true));
  BEDPLATE_TRY_LET(Pair errors, makePair(false));
  BEDPLATE_TRY_LET(Pair status, makePair(false));
  const host::UniqueFd null = raised(host::UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)));
  if (!null.valid()) return failedErrno("/dev/null", "cannot be opened", errno);
  ::fcntl(socket.ours.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(errors.ours.get(), F_SETFL, O_NONBLOCK);
  BEDPLATE_TRY_LET(const auto given, raiseAll(command.descriptors));
  const host::UniqueFd rules = raised(writeRules(command.writable));
  const std::string home = "HOME=" + host::parentPath(setup.mirror);
  Plan plan{setup.program.c_str(),
            argumentsOf(setup, command),
            {"PATH=/usr/bin:/bin", "LANG=C", home.c_str(), nullptr},
            identity,
            {},
            0,
            null.get(),
            socket.theirs.get(),
            errors.theirs.get(),
            status.theirs.get(),
            rules.get(),
            {}};
  for (const auto& fd : given) plan.given.push_back(fd.get());
  fillLimits(setup, plan);
  const pid_t pid = forkChild(plan);
  if (pid < 0) return failedErrno(setup.program, "cannot fork", errno);
  ::setpgid(pid, pid);
  host::UniqueFd pidFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
  Process process(pid, std::move(pidFd), std::move(socket.ours), std::move(errors.ours));
  status.theirs.reset();
  const Trouble trouble = readTrouble(status.ours.get());
  if (trouble.step != 0) return failedErrno(setup.program, nameOf(trouble.step), trouble.error);
  return process;
}

void Process::readErrors() {
  std::array<char, 1024> chunk{};
  for (;;) {
    const ssize_t n = ::read(errors_.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errors_.reset();
    if (n <= 0) return;
    said_.append(chunk.data(), static_cast<std::size_t>(n));
    if (said_.size() > kErrorsKept) said_.erase(0, said_.size() - kErrorsKept);
  }
}

void Process::kill() {
  if (pid_ <= 0) return;
  // The group first: it is the worker's own. Not reaped yet, so the number is still its.
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);
}

std::string Process::end(std::int64_t patienceMs) {
  if (pid_ <= 0) return ended_;
  const auto gone = [this](std::int64_t ms) {
    pollfd waiting{pidFd_.get(), POLLIN, 0};
    return pidFd_.valid() && ::poll(&waiting, 1, static_cast<int>(ms)) > 0;
  };
  if (!gone(patienceMs)) {
    kill();
    if (pidFd_.valid() && !gone(kKillMs)) {
      // Stuck in the kernel (a dead disk): it cannot be waited for here, and must not stay a zombie.
      std::thread([pid = pid_] { ::waitpid(pid, nullptr, 0); }).detach();
      pid_ = -1;
      return ended_ = "cannot be ended";
    }
  }
  int status = 0;
  pid_t reaped = 0;
  do reaped = ::waitpid(pid_, &status, 0);
  while (reaped < 0 && errno == EINTR);
  pid_ = -1;
  if (errors_.valid()) readErrors();
  ended_ = reaped < 0 ? "is gone" : statusText(status);
  if (!said_.empty()) ended_ += ", its last words: " + shownText(lastLine(said_), 300);
  return ended_;
}

}  // namespace bedplate::source
