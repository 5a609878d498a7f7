// What somebody would try who has taken a worker over: started as a worker is, held as a worker is, then one attempt.
//
// attempts MODE NAME [PATH]: MODE "held" gives up what a worker gives up, "free" does not. Writes to descriptor 3
// "done", or the error of the attempt.
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "agent/worker/confine.h"

namespace {

using Attempt = std::function<bool(const std::string& path)>;  // false: errno says why

bool makeFile(const std::string& folder) {
  const std::string name = folder + "/bedplate-attempt-" + std::to_string(::getpid());
  const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool written = ::write(fd, "x", 1) == 1;
  ::unlink(name.c_str());
  return written;
}

bool socketOf(int domain, int type, int protocol) { return ::socket(domain, type | SOCK_CLOEXEC, protocol) >= 0; }

// The kernel takes a free port for it.
bool listens() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return fd >= 0 && ::listen(fd, 1) == 0;
}

bool binds() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

bool readsParent() {
  static char there = 0;
  char here = 0;
  const iovec local{&here, 1};
  const iovec remote{&there, 1};  // the same place: any of its own would do
  return ::process_vm_readv(::getppid(), &local, 1, &remote, 1, 0) == 1 || errno == EFAULT;
}

bool forks() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  return pid > 0 && ::waitpid(pid, nullptr, 0) == pid;
}

bool threads() {
  bool ran = false;
  std::thread([&] { ran = true; }).join();
  return ran;
}

bool findsAName() {
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo("localhost", "443", nullptr, &found);
  if (error == 0) ::freeaddrinfo(found);
  return error == 0;
}

template <class... Arguments>
Attempt raw(long number, Arguments... arguments) {
  return [=](const std::string&) { return ::syscall(number, arguments...) >= 0; };
}

const std::map<std::string, Attempt>& attempts() {
  static const std::map<std::string, Attempt> all = {
      {"read", [](const auto& path) { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC) >= 0; }},
      {"write", makeFile},
      {"truncate", [](const auto& path) { return ::truncate(path.c_str(), 0) == 0; }},
      {"rename", [](const auto& path) { return ::rename(path.c_str(), (path + ".moved").c_str()) == 0; }},
      {"raw-socket", [](const auto&) { return socketOf(AF_INET, SOCK_RAW, IPPROTO_ICMP); }},
      {"raw-socket-6", [](const auto&) { return socketOf(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6); }},
      {"packet-socket", [](const auto&) { return socketOf(AF_PACKET, SOCK_RAW, 0); }},
      {"audit-socket", [](const auto&) { return socketOf(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT); }},
      {"route-socket", [](const auto&) { return socketOf(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }},
      {"listen", [](const auto&) { return listens(); }},
      {"bind", [](const auto&) { return binds(); }},
      {"shell", [](const auto&) { return ::execl("/bin/sh", "sh", "-c", "printf done >&3", nullptr) == 0; }},
      {"trace", [](const auto&) { return ::ptrace(PTRACE_SEIZE, ::getppid(), nullptr, nullptr) == 0; }},
      {"read-parent", [](const auto&) { return readsParent(); }},
      {"signal-parent", [](const auto&) { return ::kill(::getppid(), 0) == 0; }},
      {"tgkill-parent", [](const auto&) { return ::syscall(SYS_tgkill, ::getppid(), ::getppid(), 0) == 0; }},
      {"become-root", [](const auto&) { return ::syscall(SYS_setresuid, 0, 0, 0) == 0; }},
      {"namespace", [](const auto&) { return ::unshare(CLONE_NEWUSER) == 0; }},
      {"mount", [](const auto&) { return ::mount("none", "/", nullptr, MS_PRIVATE, nullptr) == 0; }},
      {"chroot", [](const auto&) { return ::chroot("/") == 0; }},
      {"fork", [](const auto&) { return forks(); }},
      {"thread", [](const auto&) { return threads(); }},
      {"name", [](const auto&) { return findsAName(); }},
      {"dumpable", [](const auto&) { return ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0; }},
      {"bpf", raw(SYS_bpf, 0, nullptr, 0)},
      {"perf", raw(SYS_perf_event_open, nullptr, 0, -1, -1, 0)},
      {"userfault", raw(SYS_userfaultfd, 0)},
      {"module", raw(SYS_init_module, nullptr, 0, "")},
      {"kexec", raw(SYS_kexec_load, 0, 0, nullptr, 0)},
      {"keyring", raw(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0)},
      {"io-uring", raw(SYS_io_uring_setup, 1, nullptr)},
      {"clone3", raw(SYS_clone3, nullptr, 0)},
  };
  return all;
}

void say(const std::string& text) { static_cast<void>(!::write(3, text.data(), text.size())); }

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[1] : "";
  const auto attempt = argc > 2 ? attempts().find(argv[2]) : attempts().end();
  if (attempt == attempts().end() || (mode != "held" && mode != "free")) {
    std::fputs("usage: attempts held|free NAME [PATH]\n", stderr);
    return 64;
  }
  if (mode == "held") {
    if (const auto held = bedplate::worker::confine(); !held) {
      say(held.error().text());
      return 1;
    }
  }
  errno = 0;
  say(attempt->second(argc > 3 ? argv[3] : "") ? "done" : std::strerror(errno));
  return 0;
}
