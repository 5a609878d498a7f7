// Watches files and directories below a root by inotify, also those that do not exist yet or whose directories vanish.
//
// Each directory on the way to a watched path is watched too, for the one name that matters in it: a directory that is
// moved away, removed or made again is noticed, whoever did it. Where the kernel gives no watch (its limit is reached)
// the path is counted in missed(), and the caller has to look by itself.
// Thread-safety: used from one thread.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "tuning/host/files.h"
#include "tuning/host/unique_fd.h"

namespace bedplate::daemon {

class PathWatch {
 public:
  // `files` must outlive it.
  static host::Result<PathWatch> open(host::HostFiles& files);

  // Readable when something happened.
  [[nodiscard]] int fd() const { return fd_.get(); }
  // What is watched from now on: single files (content, mode, owner, existence), and directories whose every entry
  // matters.
  void watch(const std::set<std::string>& files, const std::set<std::string>& directories = {});
  // A file that something happened to; "" when it may be any.
  using Take = std::function<void(const std::string& path)>;
  // Reads what happened; true when it concerns something that is watched.
  bool drain(const Take& take = {});
  // Directories that exist and could not be watched.
  [[nodiscard]] std::size_t missed() const { return missed_; }

 private:
  // What matters in one directory.
  struct Interest {
    std::set<std::string> names;  // watched files
    std::set<std::string> steps;  // directories on the way
    bool all = false;
  };
  PathWatch(host::HostFiles& files, host::UniqueFd fd) : files_(&files), fd_(std::move(fd)) {}
  void addWay(const std::string& directory);
  void arm();
  bool concerns(const Interest& interest, const std::string& name, std::uint32_t mask, bool& ways) const;

  host::HostFiles* files_;
  host::UniqueFd fd_;
  std::map<std::string, Interest> interests_;     // by directory
  std::map<int, std::set<std::string>> watched_;  // watch descriptor -> directories (links may lead to one)
  std::size_t missed_ = 0;
};

}  // namespace bedplate::daemon
