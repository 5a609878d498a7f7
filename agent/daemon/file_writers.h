// Who writes managed files: a fanotify group beside the inotify watch (path_watch.h), which finds that something
// changed and works everywhere. Marks are on directories that exist, events carry the directory's handle and the name
// (FAN_REPORT_DFID_NAME, Linux 5.9). Where the kernel, the sandbox or the file system do not do it (an overlay before
// 6.6), the writer stays unknown.
// Thread-safety: used from one thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <set>
#include <string>

#include "tuning/host/files.h"
#include "tuning/host/unique_fd.h"

namespace bedplate::daemon {

class FileWriters {
 public:
  // "Denied" and the like where it is not to be had. `files` must outlive it.
  static host::Result<FileWriters> open(host::HostFiles& files);
  [[nodiscard]] int fd() const { return group_.get(); }

  // Files below the root; directories that are made later are marked with the next call.
  void watch(const std::set<std::string>& files);
  // Directories that exist and give no events.
  [[nodiscard]] std::size_t missed() const { return missed_; }

  // As sysctl::KeyWatch::Take.
  using Take = std::function<void(const std::string& path, pid_t pid, int pidfd)>;
  // Reads what happened to watched files, without what this process did.
  void drain(const Take& take);

 private:
  FileWriters(host::HostFiles& files, host::UniqueFd group) : files_(&files), group_(std::move(group)) {}
  void tell(const char* event, std::size_t size, const Take& take) const;

  host::HostFiles* files_;
  host::UniqueFd group_;
  bool pidfds_ = false;
  std::size_t missed_ = 0;
  std::set<std::string> paths_;
  std::map<std::string, std::string> directories_;  // by handle
};

}  // namespace bedplate::daemon
