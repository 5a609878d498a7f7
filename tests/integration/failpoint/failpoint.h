// A step at which the process is killed: the N-th change that it makes to a file, a sysctl or the database.
// Thread-safety: one thread.
#pragma once

#include <unistd.h>
#include <csignal>

#include "tests/lib/forwarding_files.h"

struct sqlite3_vfs;

namespace bedplate::testlib {

class Failpoint {
 public:
  // Killed instead of the `at`-th change, counted from 1; never with 0.
  explicit Failpoint(int at) : at_(at) {}
  void step() {
    if (++changes_ == at_) ::kill(::getpid(), SIGKILL);
  }
  [[nodiscard]] bool now() const { return changes_ + 1 == at_; }
  [[nodiscard]] int changes() const { return changes_; }

 private:
  int at_;
  int changes_ = 0;
};

// What is changed through it counts. A file that was being written is half there.
class FailpointFiles final : public ForwardingFiles {
 public:
  FailpointFiles(host::Files& inner, Failpoint& failpoint) : ForwardingFiles(inner), failpoint_(failpoint) {}

  host::Status makeDirectories(const std::string& path, mode_t mode) override {
    if (!inner_.info(path)) failpoint_.step();
    return inner_.makeDirectories(path, mode);
  }
  host::Status create(const std::string& path, std::string_view content, mode_t mode, uid_t uid, gid_t gid) override {
    if (failpoint_.now()) static_cast<void>(inner_.create(path, content.substr(0, content.size() / 2), mode, uid, gid));
    failpoint_.step();
    return inner_.create(path, content, mode, uid, gid);
  }
  host::Status flush(const std::string& path) override {
    failpoint_.step();
    return inner_.flush(path);
  }
  host::Status flushFileSystem(const std::string& path) override {
    failpoint_.step();
    return inner_.flush(path);  // the real one would wait for all that this machine writes
  }
  host::Status rename(const std::string& from, const std::string& to) override {
    failpoint_.step();
    return inner_.rename(from, to);
  }
  host::Status remove(const std::string& path) override {
    if (inner_.info(path)) failpoint_.step();
    return inner_.remove(path);
  }
  host::Status writeValue(const std::string& path, std::string_view value) override {
    failpoint_.step();
    return inner_.writeValue(path, value);
  }

 private:
  Failpoint& failpoint_;
};

// Has every SQLite database that is opened from now on count its writes, flushes, cuts and removals (SQLite's default
// VFS with a layer above it). Once; `failpoint` outlives the databases. False when SQLite does not take it.
bool countDatabase(Failpoint& failpoint);

}  // namespace bedplate::testlib
