#include "agent/worker/library.h"

#include <fcntl.h>
#include <git2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "agent/worker/git_error.h"
#include "agent/worker/memory_file.h"
#include "tuning/host/unique_fd.h"

namespace bedplate::worker {
namespace {

constexpr std::size_t kMapWindow = 32 << 20;
constexpr std::size_t kMapLimit = 256 << 20;
constexpr std::size_t kMaxPackObjects = 5'000'000;

// libgit2 takes a path only, and reads it at once.
host::Status useCertificates(const std::string& pem) {
  BEDPLATE_TRY_LET(const MemoryFile file, MemoryFile::make(pem));
  if (git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, file.path().c_str(), nullptr) != 0)
    return host::fail("CertificateRefused", "", "the CA file cannot be used: " + gitMessage());
  return {};
}

std::string readSmall(const std::string& path) {
  const host::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  std::string text(1 << 20, '\0');
  const ssize_t n = fd.valid() ? ::read(fd.get(), text.data(), text.size()) : 0;
  text.resize(static_cast<std::size_t>(n > 0 ? n : 0));
  return text;
}

// libgit2 asks a server for the kind of key that $HOME/.ssh/known_hosts holds for it. Without that a server with
// several keys would show one that is not pinned. Only a preference: the check itself is ours. A failure costs no
// more than that, so it is not told.
void leaveKeyPreference(const std::string& knownHosts) {
  const char* home = std::getenv("HOME");
  if (home == nullptr) return;
  const std::string folder = std::string(home) + "/.ssh";
  const std::string path = folder + "/known_hosts";
  if (readSmall(path) == knownHosts) return;
  ::mkdir(folder.c_str(), 0700);
  const std::string fresh = path + ".new";
  const host::UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fd.valid() && writeAll(fd.get(), knownHosts)) ::rename(fresh.c_str(), path.c_str());
}

}  // namespace

host::Status prepareLibrary(const Job& job) {
  if (git_libgit2_init() < 0) return host::fail("WorkerFailed", "", "libgit2 does not start: " + gitMessage());
  for (const int level :
       {GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_GLOBAL, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_PROGRAMDATA})
    git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
  // A pack is mapped in windows: the default, 1 GiB, would be all of the address space that we have.
  git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, kMapWindow);
  git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, kMapLimit);
  git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, kMaxPackObjects);
  git_libgit2_opts(GIT_OPT_ENABLE_STRICT_OBJECT_CREATION, 1);
  git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1);
  git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
  // A repository on this machine may well be somebody else's; the operator named it, and nothing of it is run.
  if (job.parsed.scheme == Scheme::file) git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
  if (job.parsed.scheme == Scheme::ssh) leaveKeyPreference(job.knownHosts);
  if (job.parsed.scheme == Scheme::https && !job.caFile.empty()) return useCertificates(job.caFile);
  return {};
}

}  // namespace bedplate::worker
