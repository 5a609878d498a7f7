#include "tuning/host/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace bedplate::host {
namespace {

int openBeneath(int root, const char* path, int flags, mode_t mode) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, root, *path == '\0' ? "." : path, &how, sizeof how);
    // EAGAIN: a rename raced with the resolution; the kernel asks for another try.
    if (fd >= 0 || (errno != EINTR && errno != EAGAIN)) return static_cast<int>(fd);
  }
}

Status writeAll(int fd, std::string_view data, const std::string& shown) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return failErrno(errno, shown, "cannot write");
    }
    data.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

FileKind kindOf(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::regular;
  if (S_ISDIR(mode)) return FileKind::directory;
  if (S_ISLNK(mode)) return FileKind::symlink;
  return FileKind::other;
}

std::int64_t nanoseconds(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

FileInfo infoOf(const struct stat& status) {
  FileInfo info;
  info.kind = kindOf(status.st_mode);
  info.mode = status.st_mode & 07777;
  info.uid = status.st_uid;
  info.gid = status.st_gid;
  info.size = static_cast<std::uint64_t>(status.st_size);
  info.inode = status.st_ino;
  info.device = status.st_dev;
  info.modifiedNs = nanoseconds(status.st_mtim);
  info.changedNs = nanoseconds(status.st_ctim);
  return info;
}

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

}  // namespace

Result<HostFiles> HostFiles::open(const std::string& root) {
  UniqueFd fd(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return failErrno(errno, root, "cannot open as root directory", "name an existing directory");
  std::string shown = root;
  while (!shown.empty() && shown.back() == '/') shown.pop_back();
  return HostFiles(std::move(fd), std::move(shown));
}

std::string HostFiles::shown(const std::string& path) const { return root_ + "/" + path; }

Result<UniqueFd> HostFiles::openAt(const std::string& path, int flags, mode_t mode) {
  UniqueFd fd(openBeneath(fd_.get(), path.c_str(), flags, mode));
  if (!fd.valid()) return failErrno(errno, shown(path), "cannot open");
  return fd;
}

Result<UniqueFd> HostFiles::openParent(const std::string& path, std::string& name) {
  const std::size_t slash = path.rfind('/');
  name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return fail("Invalid", shown(path), "is not the name of a file");
  return openAt(parentPath(path), O_PATH | O_DIRECTORY);
}

Result<std::string> HostFiles::read(const std::string& path, std::size_t limit) {
  // O_NONBLOCK: a FIFO in the place of a file must not hold us.
  UniqueFd fd(openBeneath(fd_.get(), path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY, 0));
  if (!fd.valid()) return failErrno(errno, shown(path), "cannot read");
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return failErrno(errno, shown(path), "cannot read");
  if (!S_ISREG(status.st_mode)) return fail("NotAFile", shown(path), "is not a regular file");
  std::string content;
  // One byte more than announced, so that the end is seen without another buffer. /proc announces 0.
  std::size_t capacity = static_cast<std::size_t>(status.st_size) + 1;
  if (status.st_size == 0) capacity = 256;
  capacity = std::min(capacity, limit + 1);
  content.resize(capacity);
  std::size_t used = 0;
  for (;;) {
    if (used == content.size()) {
      if (used > limit) break;
      content.resize(std::min(content.size() * 2 + 1, limit + 1));
    }
    const ssize_t n = ::read(fd.get(), content.data() + used, content.size() - used);
    if (n < 0) {
      if (errno == EINTR) continue;
      return failErrno(errno, shown(path), "cannot read");
    }
    if (n == 0) break;
    used += static_cast<std::size_t>(n);
  }
  if (used > limit) return fail("TooLarge", shown(path), "is larger than " + std::to_string(limit) + " bytes");
  content.resize(used);
  return content;
}

Result<FileInfo> HostFiles::info(const std::string& path) {
  UniqueFd fd(openBeneath(fd_.get(), path.c_str(), O_PATH | O_NOFOLLOW, 0));
  if (!fd.valid()) return failErrno(errno, shown(path), "cannot look at");
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return failErrno(errno, shown(path), "cannot look at");
  return infoOf(status);
}

void Files::infos(const std::string& directory, const std::vector<std::string_view>& names,
                  const std::function<void(std::size_t, Result<FileInfo>)>& take) {
  for (std::size_t i = 0; i < names.size(); ++i) take(i, info(joinPath(directory, names[i])));
}

void HostFiles::infos(const std::string& directory, const std::vector<std::string_view>& names,
                      const std::function<void(std::size_t, Result<FileInfo>)>& take) {
  const UniqueFd fd(openBeneath(fd_.get(), directory.c_str(), O_PATH | O_DIRECTORY, 0));
  if (!fd.valid()) return Files::infos(directory, names, take);  // each says why
  std::string name;
  for (std::size_t i = 0; i < names.size(); ++i) {
    name = names[i];
    struct stat status{};
    // Only a plain name is certain to stay below the root.
    const bool plain = !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
    if (!plain)
      take(i, info(joinPath(directory, name)));
    else if (::fstatat(fd.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0)
      take(i, infoOf(status));
    else
      take(i, failErrno(errno, shown(joinPath(directory, name)), "cannot look at"));
  }
}

Result<std::string> HostFiles::readValue(const std::string& path, std::size_t limit) {
  char buffer[1024];
  ssize_t n = -1;
  {
    const UniqueFd fd(openBeneath(fd_.get(), path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY, 0));
    if (!fd.valid()) return failErrno(errno, shown(path), "cannot read");
    do n = ::read(fd.get(), buffer, sizeof buffer);
    while (n < 0 && errno == EINTR);
  }
  // A short line is the whole: the files of /proc/sys give their value in one piece. All else is read() to judge.
  const bool whole = n > 0 && static_cast<std::size_t>(n) < sizeof buffer && static_cast<std::size_t>(n) <= limit &&
                     buffer[n - 1] == '\n';
  if (whole) return std::string(buffer, static_cast<std::size_t>(n));
  return read(path, limit);
}

Result<std::vector<std::string>> HostFiles::list(const std::string& path, std::size_t limit) {
  BEDPLATE_TRY_LET(UniqueFd fd, openAt(path, O_RDONLY | O_DIRECTORY));
  std::unique_ptr<DIR, CloseDir> dir(::fdopendir(fd.get()));
  if (!dir) return failErrno(errno, shown(path), "cannot list");
  static_cast<void>(fd.release());
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (names.size() == limit)
      return fail("TooLarge", shown(path), "has more than " + std::to_string(limit) + " entries");
    names.emplace_back(name);
  }
  if (errno != 0) return failErrno(errno, shown(path), "cannot list");
  std::sort(names.begin(), names.end());
  return names;
}

Status HostFiles::makeDirectories(const std::string& path, mode_t mode) {
  if (path.empty()) return {};
  if (UniqueFd there(openBeneath(fd_.get(), path.c_str(), O_PATH | O_DIRECTORY, 0)); there.valid()) return {};
  BEDPLATE_TRY(makeDirectories(parentPath(path), mode));
  std::string name;
  BEDPLATE_TRY_LET(UniqueFd parent, openParent(path, name));
  if (::mkdirat(parent.get(), name.c_str(), mode) != 0) {
    if (errno == EEXIST) return failErrno(ENOTDIR, shown(path), "cannot make the directory", "move what is there away");
    return failErrno(errno, shown(path), "cannot make the directory");
  }
  // Not the umask's business: the mode was asked for.
  if (::fchmodat(parent.get(), name.c_str(), mode, 0) != 0) return failErrno(errno, shown(path), "cannot set the mode");
  return flush(parentPath(path));
}

Status HostFiles::create(const std::string& path, std::string_view content, mode_t mode, uid_t uid, gid_t gid) {
  std::string name;
  BEDPLATE_TRY_LET(UniqueFd parent, openParent(path, name));
  UniqueFd fd(::openat(parent.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return failErrno(errno, shown(path), "cannot create");
  Status result = writeAll(fd.get(), content, shown(path));
  if (result && (uid != ::geteuid() || gid != ::getegid()) && ::fchown(fd.get(), uid, gid) != 0)
    result = failErrno(errno, shown(path), "cannot set the owner");
  if (result && mode != 0600 && ::fchmod(fd.get(), mode) != 0)
    result = failErrno(errno, shown(path), "cannot set the mode");
  if (!result) ::unlinkat(parent.get(), name.c_str(), 0);
  return result;
}

Status HostFiles::flush(const std::string& path) {
  BEDPLATE_TRY_LET(UniqueFd fd, openAt(path, O_RDONLY | O_NONBLOCK));
  if (::fsync(fd.get()) != 0) return failErrno(errno, shown(path), "cannot flush to disk");
  return {};
}

Status HostFiles::flushFileSystem(const std::string& path) {
  BEDPLATE_TRY_LET(UniqueFd fd, openAt(path, O_RDONLY | O_NONBLOCK));
  if (::syncfs(fd.get()) != 0) return failErrno(errno, shown(path), "cannot flush the file system");
  return {};
}

Status HostFiles::rename(const std::string& from, const std::string& to) {
  std::string fromName;
  std::string toName;
  BEDPLATE_TRY_LET(UniqueFd fromParent, openParent(from, fromName));
  BEDPLATE_TRY_LET(UniqueFd toParent, openParent(to, toName));
  if (::renameat(fromParent.get(), fromName.c_str(), toParent.get(), toName.c_str()) != 0)
    return failErrno(errno, shown(to), "cannot put in place");
  return {};
}

Status HostFiles::remove(const std::string& path) {
  std::string name;
  BEDPLATE_TRY_LET(UniqueFd parent, openParent(path, name));
  if (::unlinkat(parent.get(), name.c_str(), 0) == 0) return {};
  if (errno == EISDIR && ::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) == 0) return {};
  return failErrno(errno, shown(path), "cannot remove");
}

Status HostFiles::writeValue(const std::string& path, std::string_view value) {
  BEDPLATE_TRY_LET(UniqueFd fd, openAt(path, O_WRONLY | O_NOCTTY | O_NOFOLLOW));
  for (;;) {
    const ssize_t n = ::write(fd.get(), value.data(), value.size());
    if (n >= 0 && n != static_cast<ssize_t>(value.size())) {
      return fail("Io", shown(path), "took only a part of the value");
    }
    if (n >= 0) break;
    if (errno != EINTR) return failErrno(errno, shown(path), "cannot write");
  }
  // A file of /proc/sys has no size and keeps one value; one of a tree that stands for it would keep the tail of a
  // longer old value.
  struct stat now{};
  const auto end = static_cast<off_t>(value.size());
  if (::fstat(fd.get(), &now) == 0 && now.st_size > end && ::ftruncate(fd.get(), end) != 0) {
    return failErrno(errno, shown(path), "cannot cut to the new value");
  }
  return {};
}

std::string joinPath(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty() && !name.empty()) path += '/';
  path += name;
  return path;
}

std::string parentPath(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash));
}

}  // namespace bedplate::host
