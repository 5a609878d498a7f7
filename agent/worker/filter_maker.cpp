// Writes the workers' filter of system calls as a C++ file. Runs when Bedplate is built, so that a worker, of which one
// is started each minute, neither loads libseccomp nor compiles a filter: it hands over a finished one.
//
// Two answers beside "allowed":
//   ENOSYS   for what is not listed. A library that is newer than this list takes the way it has for an older kernel;
//            with EPERM it would give up, and killed it would take every fetch of the fleet with it.
//   SIGSYS   for what no library does in a program like this, in no version: whoever asks for it is not us. The death
//   is
//            an error of the fetch, with the signal in it, instead of a silent second try.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr std::uint64_t kSocketType = 0xf;  // without SOCK_CLOEXEC and SOCK_NONBLOCK
constexpr std::uint64_t kNamespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr std::uint64_t kInt = 0xffffffff;  // the kernel looks at no more of an int
constexpr int kSetVma = 0x53564d41;         // PR_SET_VMA: the C library names its memory

// What the C library, libgit2, libssh2, OpenSSL, mbedTLS and libcurl do for files, memory, threads and connections; of
// each family of calls also the ones that other versions or architectures use. A name that the architecture has not is
// passed over.
constexpr std::array kAllowed = {
    // Memory.
    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "membarrier", "mlock", "mlock2", "munlock", "msync",
    "mincore", "memfd_create",
    // Files. No truncate: it takes a path, and kernels before 6.2 cannot hold it to a folder.
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "open",
    "openat", "openat2", "creat", "close", "close_range", "lseek", "stat", "lstat", "fstat", "newfstatat", "statx",
    "statfs", "fstatfs", "access", "faccessat", "faccessat2", "getdents", "getdents64", "readlink", "readlinkat",
    "getcwd", "chdir", "fchdir", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat",
    "link", "linkat", "chmod", "fchmod", "fchmodat", "fchmodat2", "umask", "utime", "utimes", "utimensat", "futimesat",
    "ftruncate", "fallocate", "fsync", "fdatasync", "sync_file_range", "flock", "fcntl", "dup", "dup2", "dup3", "pipe",
    "pipe2", "copy_file_range", "sendfile", "fadvise64", "readahead",
    // Waiting.
    "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
    "epoll_pwait2", "eventfd", "eventfd2", "nanosleep", "clock_nanosleep", "restart_syscall",
    // The process, looking at itself.
    "exit", "exit_group", "getpid", "getppid", "gettid", "getpgrp", "getpgid", "getsid", "getuid", "geteuid", "getgid",
    "getegid", "getresuid", "getresgid", "getgroups", "getrusage", "getrlimit", "uname", "sysinfo", "times", "getcpu",
    "getrandom", "clock_gettime", "clock_getres", "gettimeofday", "time", "arch_prctl",
    // Threads and signals. No kill.
    "futex", "futex_waitv", "set_tid_address", "set_robust_list", "get_robust_list", "rseq", "sched_yield",
    "sched_getaffinity", "sched_getparam", "sched_getscheduler", "sched_get_priority_max", "sched_get_priority_min",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "rt_sigsuspend",
    "sigaltstack", "tgkill",
    // Connections. No listen, no accept. bind is for the netlink socket of getaddrinfo.
    "socketpair", "connect", "bind", "getsockname", "getpeername", "getsockopt", "setsockopt", "sendto", "recvfrom",
    "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "shutdown"};

constexpr std::array kDeadly = {
    // Another program, another process's memory.
    "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
    // The kernel itself.
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "bpf", "perf_event_open",
    "userfaultfd", "reboot", "swapon", "swapoff", "iopl", "ioperm", "acct", "settimeofday", "clock_settime", "adjtimex",
    "sethostname", "setdomainname", "open_by_handle_at",
    // Another view of the machine.
    "mount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount", "fspick", "move_mount", "open_tree",
    "mount_setattr", "setns", "unshare", "mknod", "mknodat",
    // Another user.
    "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid",
    "capset"};

scmp_arg_cmp equals(unsigned argument, std::uint64_t value) { return {argument, SCMP_CMP_EQ, value, 0}; }
scmp_arg_cmp masked(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), &seccomp_release) {}

  void add(std::uint32_t action, const char* name, std::vector<scmp_arg_cmp> conditions = {}) {
    const int number = seccomp_syscall_resolve_name(name);
    // Not known to this libseccomp: answered like all that is not listed.
    if (number == __NR_SCMP_ERROR) return;
    good_ = good_ && context_ &&
            seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(conditions.size()),
                                   conditions.data()) == 0;
  }
  void allow(const char* name, std::vector<scmp_arg_cmp> conditions = {}) {
    add(SCMP_ACT_ALLOW, name, std::move(conditions));
  }
  // Calls of another architecture are nobody's. A tree instead of a list: the kernel asks a new filter once for each
  // call that there is, to know which it need not ask it again, and that is most of what a filter costs us.
  void shape() {
    good_ = good_ && context_ &&
            seccomp_attr_set(context_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
            seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0;
  }
  [[nodiscard]] bool exportTo(int fd) const { return good_ && context_ && seccomp_export_bpf(context_.get(), fd) == 0; }

 private:
  std::unique_ptr<void, decltype(&seccomp_release)> context_;
  bool good_ = true;
};

void allowSockets(Filter& filter) {
  const auto inet = [&](std::uint64_t type, std::uint64_t protocol) {
    for (const std::uint64_t domain : {std::uint64_t{AF_INET}, std::uint64_t{AF_INET6}})
      filter.allow("socket", {equals(0, domain), masked(1, kSocketType, type), equals(2, protocol)});
  };
  inet(SOCK_STREAM, IPPROTO_IP);
  inet(SOCK_STREAM, IPPROTO_TCP);
  inet(SOCK_DGRAM, IPPROTO_IP);
  inet(SOCK_DGRAM, IPPROTO_UDP);
  // Who knows names: systemd-resolved, nscd, sssd.
  filter.allow("socket", {equals(0, AF_UNIX)});
  // getaddrinfo asks the kernel for our addresses.
  filter.allow("socket", {equals(0, AF_NETLINK), equals(2, NETLINK_ROUTE)});
}

// Threads, and nothing else that clone can do. clone3 hides its flags in memory: not listed, so that the C library
// falls back on clone.
void allowThreads(Filter& filter) { filter.allow("clone", {masked(0, CLONE_THREAD | kNamespaces, CLONE_THREAD)}); }

void allowPartly(Filter& filter) {
  for (const int request : {FIONBIO, FIONREAD, FIOCLEX, FIONCLEX, TCGETS, SIOCGIFINDEX, SIOCGIFNAME})
    filter.allow("ioctl", {masked(1, kInt, static_cast<std::uint64_t>(request))});
  // Not PR_SET_DUMPABLE: the key is in our memory.
  for (const int option : {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, kSetVma})
    filter.allow("prctl", {masked(0, kInt, static_cast<std::uint64_t>(option))});
  // Limits are read, not set.
  filter.allow("prlimit64", {equals(2, 0)});
}

bool print(int bpf, const char* path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen(path, "we"), &std::fclose);
  if (!out || ::lseek(bpf, 0, SEEK_SET) != 0) return false;
  std::fputs("// Made by filter_maker from filter_maker.cpp.\n#include \"agent/worker/filter.h\"\n\n", out.get());
  std::fputs("namespace bedplate::worker {\n\nconst sock_filter kFilter[] = {\n", out.get());
  sock_filter one{};
  unsigned count = 0;
  ssize_t n = 0;
  while ((n = ::read(bpf, &one, sizeof one)) == static_cast<ssize_t>(sizeof one)) {
    std::fprintf(out.get(), "    {0x%02x, %u, %u, 0x%08x},\n", one.code, one.jt, one.jf, one.k);
    ++count;
  }
  std::fprintf(out.get(), "};\nconst unsigned short kFilterLength = %u;\n\n}  // namespace bedplate::worker\n", count);
  return n == 0 && count > 0 && count <= BPF_MAXINSNS && std::fflush(out.get()) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: filter_maker OUT.cpp\n", stderr);
    return 64;
  }
  // All that libseccomp knows, whatever the kernel of the machine that builds.
  if (seccomp_api_get() < 3) seccomp_api_set(3);
  Filter filter;
  filter.shape();
  for (const char* name : kAllowed) filter.allow(name);
  for (const char* name : kDeadly) filter.add(SCMP_ACT_KILL_PROCESS, name);
  allowSockets(filter);
  allowThreads(filter);
  allowPartly(filter);
  const int bpf = ::memfd_create("filter", MFD_CLOEXEC);
  if (bpf < 0 || !filter.exportTo(bpf) || !print(bpf, argv[1])) {
    std::fprintf(stderr, "filter_maker: cannot make %s: libseccomp refuses a rule, or the file cannot be written\n",
                 argv[1]);
    return 1;
  }
  return 0;
}
