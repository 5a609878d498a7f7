#include "agent/apply/worker_setup.h"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

bool userExists(const std::string& name) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  return ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr;
}

// The folder of the running program, or "".
std::string ownFolder() {
  std::array<char, 4096> buffer{};
  const ssize_t length =
      ::readlink((std::string("/") + host::paths::selfProgram).c_str(), buffer.data(), buffer.size());
  if (length <= 0 || length == static_cast<ssize_t>(buffer.size())) return {};
  return host::parentPath({buffer.data(), static_cast<std::size_t>(length)});
}

// Beside the running program, else installed. It is this machine's, also when a tree stands for the host.
std::string found(const std::string& name, const std::string& installed) {
  const std::string beside = ownFolder() + "/" + name;
  return ::access(beside.c_str(), X_OK) == 0 ? beside : "/" + installed;
}

}  // namespace

source::WorkerSetup workerSetup(const host::HostFiles& files) {
  source::WorkerSetup setup;
  setup.program = found("bedplate-worker", host::paths::workerProgram);
  setup.httpProgram = found("bedplate-http", host::paths::httpProgram);
  setup.mirror = files.shown(host::paths::mirror);
  const bool tree = files.shown("") != "/";
  if (tree && !userExists(setup.user)) setup.user = "nobody";
  return setup;
}

source::WorkerSetup gpgvSetup(const host::HostFiles& files) {
  source::WorkerSetup setup = workerSetup(files);
  setup.program = std::string("/") + host::paths::gpgvProgram;
  if (!userExists(setup.user)) setup.user = "nobody";
  return setup;
}

host::Status prepareMirrorDirectory(host::HostFiles& files, const std::string& user) {
  if (files.info(host::paths::mirrorDir)) return {};
  BEDPLATE_TRY(files.makeDirectories(host::paths::stateDir, 0711));
  BEDPLATE_TRY(files.makeDirectories(host::paths::mirrorDir, 0700));
  if (user.empty() || ::geteuid() != 0) return {};
  char buffer[4096];
  passwd entry{};
  passwd* found = nullptr;
  // No such user: the worker's start says so with the way out.
  if (::getpwnam_r(user.c_str(), &entry, buffer, sizeof buffer, &found) != 0 || found == nullptr) return {};
  BEDPLATE_TRY_LET(host::UniqueFd fd, files.openAt(host::paths::mirrorDir, O_RDONLY | O_DIRECTORY));
  if (::fchown(fd.get(), entry.pw_uid, entry.pw_gid) != 0)
    return host::failErrno(errno, files.shown(host::paths::mirrorDir), "cannot give to user " + user);
  return {};
}

}  // namespace bedplate::apply
