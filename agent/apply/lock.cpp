#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "agent/apply/store.h"
#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

std::string holder(host::HostFiles& files) {
  auto pid = files.read(host::paths::stateLock, 32);
  if (!pid || pid->empty() || pid->find_first_not_of("0123456789\n") != std::string::npos) return "another process";
  return "process " + pid->substr(0, pid->find('\n'));
}

}  // namespace

host::Result<host::UniqueFd> lockState(host::HostFiles& files) {
  BEDPLATE_TRY(files.makeDirectories(host::paths::stateDir, 0711));
  BEDPLATE_TRY_LET(host::UniqueFd fd, files.openAt(host::paths::stateLock, O_RDWR | O_CREAT | O_NOFOLLOW, 0644));
  const std::string shown = files.shown(host::paths::stateLock);
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return host::failErrno(errno, shown, "cannot lock");
    return host::fail("Busy", shown, "is held by " + holder(files), "ask the running agent, or stop it first");
  }
  // For the message above; the lock itself is what counts, so a full disk is no hindrance.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) == 0 && ::pwrite(fd.get(), pid.data(), pid.size(), 0) < 0) errno = 0;
  return fd;
}

}  // namespace bedplate::apply
