// The wide looks at a directory or a file: many links at once, and contents that are not held.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>

#include "tuning/host/files.h"

namespace bedplate::host {
namespace {

Failure larger(const std::string& shown, std::size_t limit, const char* what) {
  return fail("TooLarge", shown, "has more than " + std::to_string(limit) + what);
}

}  // namespace

Status Files::links(const std::string& path, std::size_t /*limit*/,
                    const std::function<void(std::string_view, std::string_view)>& /*take*/) {
  return fail("Unsupported", shown(path), "links cannot be looked at here");
}

Status Files::stream(const std::string& path, std::size_t limit, const std::function<void(std::string_view)>& take) {
  BEDPLATE_TRY_LET(const std::string content, read(path, limit));
  take(content);
  return {};
}

Status HostFiles::links(const std::string& path, std::size_t limit,
                        const std::function<void(std::string_view, std::string_view)>& take) {
  BEDPLATE_TRY_LET(const UniqueFd fd, openAt(path, O_RDONLY | O_DIRECTORY));
  // By the system call: readdir(3) makes three more for each directory, and there are hundreds of them.
  alignas(dirent64) std::array<char, 16384> entries;  // NOLINT(cppcoreguidelines-pro-type-member-init): the kernel does
  std::array<char, PATH_MAX> target{};
  std::size_t seen = 0;
  for (;;) {
    const long filled = ::syscall(SYS_getdents64, fd.get(), entries.data(), entries.size());
    if (filled == 0) return {};
    // ENOENT, ESRCH: a process that ended while it was looked at.
    if (filled < 0 && (errno == ENOENT || errno == ESRCH)) return {};
    if (filled < 0) return failErrno(errno, shown(path), "cannot list");
    for (long at = 0; at < filled;) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries.data() + at);
      at += entry->d_reclen;
      // The kernel says what kind it is, in /proc too; where a file system does not, readlink does.
      if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN) continue;
      if (seen++ == limit) return larger(shown(path), limit, " entries");
      const ssize_t size = ::readlinkat(fd.get(), entry->d_name, target.data(), target.size());
      if (size >= 0)
        take(entry->d_name, {target.data(), static_cast<std::size_t>(size)});
      else if (errno != EINVAL && errno != ENOENT && errno != ESRCH)
        return failErrno(errno, shown(joinPath(path, entry->d_name)), "cannot look at");
    }
  }
}

Status HostFiles::stream(const std::string& path, std::size_t limit,
                         const std::function<void(std::string_view)>& take) {
  BEDPLATE_TRY_LET(const UniqueFd fd, openAt(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return failErrno(errno, shown(path), "cannot read");
  if (!S_ISREG(status.st_mode)) return fail("NotAFile", shown(path), "is not a regular file");
  std::string buffer(std::size_t{64} << 10, '\0');
  std::size_t used = 0;
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n == 0) return {};
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failErrno(errno, shown(path), "cannot read");
    const auto size = static_cast<std::size_t>(n);
    const std::size_t room = limit - used;
    take(std::string_view(buffer).substr(0, std::min(size, room)));
    if (size > room) return larger(shown(path), limit, " bytes");
    used += size;
  }
}

}  // namespace bedplate::host
