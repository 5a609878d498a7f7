// The seam to the machine's files: everything the project reads or writes goes through here, below one root.
//
// A path is relative to the root and has no leading slash ("etc/sysctl.d/99-zz-bedplate.conf",
// "proc/sys/vm/swappiness");
// "" is the root itself. Symbolic links on the way are resolved inside the root (openat2, RESOLVE_IN_ROOT), magic links
// are refused. Nothing follows a link at the last component: a link there is reported by info() as what it is and is
// replaced, not followed, by rename(). read() follows it (inside the root), as K3s and systemd would.
//
// Errors: the Error of failErrno with thing = the path as the operator knows it (with its root).
// Thread-safety: HostFiles may be used from several threads at once; each call is on its own.
// Descriptors are close-on-exec. EINTR is retried; short writes are completed.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tuning/host/result.h"
#include "tuning/host/unique_fd.h"

namespace bedplate::host {

enum class FileKind { regular, directory, symlink, other };

struct FileInfo {
  FileKind kind = FileKind::other;
  mode_t mode = 0;  // permission bits only (07777)
  uid_t uid = 0;
  gid_t gid = 0;
  std::uint64_t size = 0;  // bytes
  std::uint64_t inode = 0;
  std::uint64_t device = 0;
  std::int64_t modifiedNs = 0;  // since the epoch
  std::int64_t changedNs = 0;   // since the epoch
  bool operator==(const FileInfo&) const = default;
};

class Files {
 public:
  Files() = default;
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  virtual ~Files() = default;

  // The whole content of a regular (or /proc) file. "TooLarge" beyond `limit` bytes; "NotAFile" for a directory or a
  // FIFO (which is never waited for).
  virtual Result<std::string> read(const std::string& path, std::size_t limit) = 0;
  // lstat. "NotFound" when there is nothing.
  virtual Result<FileInfo> info(const std::string& path) = 0;
  // info() of names in one directory, in their order: one look at the way to it for all of them.
  virtual void infos(const std::string& directory, const std::vector<std::string_view>& names,
                     const std::function<void(std::size_t, Result<FileInfo>)>& take);
  // read() of what holds one short value, as the files of /proc/sys do: the fewest system calls.
  virtual Result<std::string> readValue(const std::string& path, std::size_t limit) { return read(path, limit); }
  // The names in a directory without "." and "..", in byte order. "TooLarge" beyond `limit` names.
  virtual Result<std::vector<std::string>> list(const std::string& path, std::size_t limit = 100000) = 0;
  // The symbolic links in a directory, each with where it points to as readlink(2) says (of proc/PID/fd also), never
  // followed; in no order. What is no link, or goes meanwhile, is passed over. "TooLarge" beyond `limit` names.
  // "Unsupported" by files that have no links.
  virtual Status links(const std::string& path, std::size_t limit,
                       const std::function<void(std::string_view name, std::string_view target)>& take);
  // read() in pieces, for what is too large to be held. "TooLarge" beyond `limit` bytes, after those were taken.
  virtual Status stream(const std::string& path, std::size_t limit, const std::function<void(std::string_view)>& take);
  // mkdir -p; existing directories keep their mode. Each new one is created with `mode`, and its parent is flushed.
  virtual Status makeDirectories(const std::string& path, mode_t mode) = 0;
  // Creates a new regular file with this content, mode and owner. "Exists" if the name is taken. Not flushed.
  virtual Status create(const std::string& path, std::string_view content, mode_t mode, uid_t uid, gid_t gid) = 0;
  // fsync of a file or a directory.
  virtual Status flush(const std::string& path) = 0;
  // syncfs of the file system that holds `path`: one flush for many files.
  virtual Status flushFileSystem(const std::string& path) = 0;
  // rename(2): atomic replacement; both on one mount. Not flushed.
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  // unlink(2) of a file or link, rmdir(2) of an empty directory. "NotFound" when there is nothing. Not flushed.
  virtual Status remove(const std::string& path) = 0;
  // One write(2) into an existing file: for /proc/sys and /sys. Never creates, never empties first; a file of a tree
  // that stands for them is cut afterwards, so that it holds the value alone.
  virtual Status writeValue(const std::string& path, std::string_view value) = 0;

  // The path with its root, for messages ("/etc/x", or "/tmp/tree/etc/x" under --root).
  [[nodiscard]] virtual std::string shown(const std::string& path) const = 0;
};

// The real thing. `root` is a directory: "/" on a node, any other for tests and --root.
class HostFiles final : public Files {
 public:
  static Result<HostFiles> open(const std::string& root);
  HostFiles(HostFiles&& other) noexcept : fd_(std::move(other.fd_)), root_(std::move(other.root_)) {}

  Result<std::string> read(const std::string& path, std::size_t limit) override;
  Result<FileInfo> info(const std::string& path) override;
  void infos(const std::string& directory, const std::vector<std::string_view>& names,
             const std::function<void(std::size_t, Result<FileInfo>)>& take) override;
  Result<std::string> readValue(const std::string& path, std::size_t limit) override;
  Result<std::vector<std::string>> list(const std::string& path, std::size_t limit) override;
  Status links(const std::string& path, std::size_t limit,
               const std::function<void(std::string_view name, std::string_view target)>& take) override;
  Status stream(const std::string& path, std::size_t limit, const std::function<void(std::string_view)>& take) override;
  Status makeDirectories(const std::string& path, mode_t mode) override;
  Status create(const std::string& path, std::string_view content, mode_t mode, uid_t uid, gid_t gid) override;
  Status flush(const std::string& path) override;
  Status flushFileSystem(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status writeValue(const std::string& path, std::string_view value) override;
  [[nodiscard]] std::string shown(const std::string& path) const override;

  // A descriptor below the root, for callers that hand it to a library (inotify, sd-event, exec). `flags` as open(2).
  Result<UniqueFd> openAt(const std::string& path, int flags, mode_t mode = 0);
  [[nodiscard]] int rootFd() const { return fd_.get(); }

 private:
  HostFiles(UniqueFd fd, std::string root) : fd_(std::move(fd)), root_(std::move(root)) {}
  Result<UniqueFd> openParent(const std::string& path, std::string& name);

  UniqueFd fd_;
  std::string root_;  // as given, without a trailing slash; "" for "/"
};

// One file to be put in place.
struct Replacement {
  std::string path;
  std::string_view content;
  mode_t mode = 0644;
  uid_t uid = 0;
  gid_t gid = 0;
};

// Replaces files so that each is, at any moment and after a power cut, the old or the new one: staged in `stageDir`
// (same mount, outside any directory that others walk; made if missing, 0700), flushed, renamed, directories flushed.
// Several files share their flushes. Missing parent directories of targets are made with `directoryMode`.
// On an error nothing staged is left behind; files already renamed stay, and `done`, where given, counts them.
Status replaceFiles(Files& files, const std::string& stageDir, const std::vector<Replacement>& replacements,
                    mode_t directoryMode = 0755, std::size_t* done = nullptr);

// replaceFiles for one file, staged beside its target as ".<name>.bedplate".
Status replaceFile(Files& files, const Replacement& replacement, mode_t directoryMode = 0755);
// Removes what a crash within replaceFile() left beside the file, if anything.
void sweepReplaced(Files& files, const std::string& path);

// "a/b" + "c" = "a/b/c"; an empty side adds no slash.
std::string joinPath(std::string_view directory, std::string_view name);
// "a/b/c" -> "a/b"; "c" -> "".
std::string parentPath(std::string_view path);

}  // namespace bedplate::host
