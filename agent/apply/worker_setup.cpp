#include "agent/apply/worker_setup.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
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

}  // namespace bedplate::apply
