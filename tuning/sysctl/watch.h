// Tells when somebody writes a key, and who.
//
// A mark on a file of /proc/sys reports every write through the same procfs mount, also of the value that is there. The
// kernel forgets the file (and the mark with it) as soon as it wants memory, unless its dentry is in use: an O_PATH
// descriptor on each key pins it. Not reported at all, and left to the caller's poll: what the kernel changes by itself
// (net.ipv4.ip_forward moves conf.*.forwarding), and writes through another procfs mount, as containers have.
// See fanotify(7), inotify(7).
// Thread-safety: used from one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "tuning/host/files.h"
#include "tuning/host/unique_fd.h"

namespace bedplate::sysctl {

class KeyWatch {
 public:
  enum class By { fanotify, inotify, poll };
  struct Options {
    bool fanotify = true;  // tests turn these off; the real reason is a kernel or a sandbox without them
    bool inotify = true;
    std::size_t spareDescriptors = 256;  // of the process's limit, left for everything else
  };

  // Never fails: where neither fanotify nor inotify are to be had it is `poll`, and why() says so. `files` must
  // outlive it.
  static KeyWatch open(host::HostFiles& files, const Options& options);
  static KeyWatch open(host::HostFiles& files) { return open(files, Options{}); }
  [[nodiscard]] By by() const { return by_; }
  // Why it is not fanotify; "" when it is.
  [[nodiscard]] const std::string& why() const { return why_; }
  // Readable when something was written; -1 with `poll`.
  [[nodiscard]] int fd() const { return group_.get(); }

  // The keys that are watched from now on. Those that are not there are passed over: call it, or refresh(), again.
  void watch(const std::set<std::string>& keys);
  // Pins anew what is another file now: an interface or a module has gone and come again.
  void refresh();
  // Keys that are there and cannot be watched: the limit of descriptors or of marks is reached.
  [[nodiscard]] std::size_t missed() const { return missed_; }
  [[nodiscard]] std::size_t watched() const { return pins_.size(); }

  // A write. `pid` is 0 where nobody can tell; `pidfd` is -1, or of that process, and ends with the call.
  using Take = std::function<void(const std::string& key, pid_t pid, int pidfd)>;
  // Reads what happened (of very much a part; fd() stays readable), without writes of this process where that can be
  // told. True: something was lost, and anything may have been written.
  bool drain(const Take& take);

 private:
  struct Pin {
    host::UniqueFd fd;
    std::uint64_t inode = 0;
    int wd = -1;  // of inotify
  };
  explicit KeyWatch(host::HostFiles& files) : files_(&files) {}
  void pin(const std::string& key);
  bool mark(Pin& pin);
  void forget(const std::string& key);
  bool drainFanotify(const Take& take);
  bool drainInotify(const Take& take);

  host::HostFiles* files_;
  By by_ = By::poll;
  std::string why_;
  host::UniqueFd group_;
  bool pidfds_ = false;
  std::size_t spare_ = 0;
  std::size_t missed_ = 0;
  std::set<std::string> wanted_;
  std::map<std::string, Pin> pins_;
  std::unordered_map<std::uint64_t, std::string> byInode_;
  std::unordered_map<int, std::string> byWatch_;
};

const char* name(KeyWatch::By by);  // "fanotify", "inotify", "poll"

}  // namespace bedplate::sysctl
