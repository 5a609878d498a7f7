// The workers: all that talks to a network. Started by the agent as an unprivileged user, with a socket to it.
// bedplate-worker (Git) and bedplate-http are this with another serve().
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <thread>

#include "agent/worker/confine.h"
#include "agent/worker/serve.h"

namespace {

constexpr int kUsage = 64;

bool isSocket(int fd) {
  struct stat status{};
  return ::fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

// The library may be waiting for a silent server when the agent goes away: leave with it.
void leaveWithTheAgent(int fd) {
  std::thread([fd] {
    pollfd waiting{fd, 0, 0};
    while (::poll(&waiting, 1, -1) < 0) {
    }
    ::_exit(0);
  }).detach();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--version") {
    std::printf("%s %s\n", BEDPLATE_WORKER_NAME, BEDPLATE_VERSION);
    return 0;
  }
  int fd = 3;
  if (argc == 2) std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), fd);
  if (argc > 2 || !isSocket(fd)) {
    std::fputs(BEDPLATE_WORKER_NAME ": is started by bedplated, with a socket: use bedplate sync\n", stderr);
    return kUsage;
  }
  // The key and the token come next: no core of them, no debugger.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  ::umask(077);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  std::signal(SIGPIPE, SIG_IGN);
  // Too large is an error that can be told, not a death.
  std::signal(SIGXFSZ, SIG_IGN);
  // Before there is a second thread, and before anything is read.
  if (const auto confined = bedplate::worker::confine(); !confined) {
    std::fprintf(stderr, BEDPLATE_WORKER_NAME ": %s\n", confined.error().text().c_str());
    return 1;
  }
  leaveWithTheAgent(fd);
  const int status = bedplate::worker::serve(fd);
  // Without the destructors and the library's shutdown: the kernel frees faster.
  ::_exit(status);
}
