#include "tuning/bench/scratch.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

namespace bedplate::bench {
namespace {

constexpr const char* kMakeSpace = "free some space, or measure another directory";

host::Result<host::UniqueFd> openNamed(host::HostFiles& files, const std::string& directory) {
  for (int attempt = 0;; ++attempt) {
    const std::string path =
        host::joinPath(directory, ".bedplate-bench-" + std::to_string(::getpid()) + "-" + std::to_string(attempt));
    auto fd = files.openAt(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (!fd && fd.error().reason == "Exists" && attempt < 100) continue;  // left by one that was killed in between
    if (fd) BEDPLATE_TRY(files.remove(path));
    return fd;
  }
}

}  // namespace

host::Result<Scratch> Scratch::open(host::HostFiles& files, const std::string& directory, std::uint64_t size,
                                    bool unnamed) {
  host::Result<host::UniqueFd> fd;
  if (unnamed) fd = files.openAt(directory, O_TMPFILE | O_RDWR, 0600);
  // EISDIR: a kernel or file system that takes O_TMPFILE for an open of the directory.
  if (!unnamed || (!fd && (fd.error().errnum == EOPNOTSUPP || fd.error().errnum == EISDIR)))
    fd = openNamed(files, directory);
  if (!fd) {
    host::Error error = fd.error();
    error.todo = "name an existing directory on a writable disk";
    return host::Failure(std::move(error));
  }
  Scratch scratch(std::move(*fd), files.shown(directory), size);
  BEDPLATE_TRY(scratch.allocate());
  BEDPLATE_TRY(scratch.sync());
  return scratch;
}

host::Status Scratch::allocate() {
  const auto size = static_cast<off_t>(size_);
  while (::fallocate(fd_.get(), 0, 0, size) != 0) {
    if (errno == EINTR) continue;
    if (errno != EOPNOTSUPP && errno != ENOSYS)
      return host::failErrno(errno, shown_, "cannot reserve " + std::to_string(size_) + " bytes", kMakeSpace);
    // As etcd does where there is nothing better; not posix_fallocate, which would write all blocks.
    if (::ftruncate(fd_.get(), size) == 0) break;
    return host::failErrno(errno, shown_, "cannot make a file of " + std::to_string(size_) + " bytes", kMakeSpace);
  }
  offset_ = 0;
  return {};
}

host::Status Scratch::makeRoom(std::size_t bytes) {
  if (offset_ + bytes <= size_) return {};
  if (::ftruncate(fd_.get(), 0) != 0) return host::failErrno(errno, shown_, "cannot cut the file");
  BEDPLATE_TRY(allocate());
  return sync();
}

host::Status Scratch::write(std::uint64_t offset, std::string_view data) {
  for (;;) {
    const ssize_t n = ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset));
    if (n == static_cast<ssize_t>(data.size())) return {};
    if (n >= 0) return host::fail("NoSpace", shown_, "took only a part of a write", kMakeSpace);
    if (errno != EINTR) return host::failErrno(errno, shown_, "cannot write", kMakeSpace);
  }
}

host::Status Scratch::append(std::string_view data) {
  BEDPLATE_TRY(write(offset_, data));
  offset_ += data.size();
  return {};
}

host::Status Scratch::rewrite(std::uint64_t offset, std::string_view data) { return write(offset, data); }

host::Status Scratch::sync() {
  while (::fdatasync(fd_.get()) != 0)
    if (errno != EINTR)
      return host::failErrno(errno, shown_, "cannot flush to disk", "look at the kernel log for disk errors");
  return {};
}

bool Scratch::inMemory() const { return onMemory(fd_); }

bool onMemory(const host::UniqueFd& fd) {
  struct statfs status{};
  if (::fstatfs(fd.get(), &status) != 0) return false;
  const auto type = static_cast<std::uint64_t>(status.f_type) & 0xffffffffU;
  return type == TMPFS_MAGIC || type == RAMFS_MAGIC;
}

}  // namespace bedplate::bench
