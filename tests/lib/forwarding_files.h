// Files that hand everything on; a decorator overrides what it is about.
#pragma once

#include "tuning/host/files.h"

namespace bedplate::testlib {

class ForwardingFiles : public host::Files {
 public:
  explicit ForwardingFiles(host::Files& inner) : inner_(inner) {}

  host::Result<std::string> read(const std::string& path, std::size_t limit) override {
    return inner_.read(path, limit);
  }
  host::Result<host::FileInfo> info(const std::string& path) override { return inner_.info(path); }
  host::Result<std::vector<std::string>> list(const std::string& path, std::size_t limit) override {
    return inner_.list(path, limit);
  }
  host::Status links(const std::string& path, std::size_t limit,
                     const std::function<void(std::string_view, std::string_view)>& take) override {
    return inner_.links(path, limit, take);
  }
  host::Status stream(const std::string& path, std::size_t limit,
                      const std::function<void(std::string_view)>& take) override {
    return inner_.stream(path, limit, take);
  }
  host::Status makeDirectories(const std::string& path, mode_t mode) override {
    return inner_.makeDirectories(path, mode);
  }
  host::Status create(const std::string& path, std::string_view content, mode_t mode, uid_t uid, gid_t gid) override {
    return inner_.create(path, content, mode, uid, gid);
  }
  host::Status flush(const std::string& path) override { return inner_.flush(path); }
  host::Status flushFileSystem(const std::string& path) override { return inner_.flushFileSystem(path); }
  host::Status rename(const std::string& from, const std::string& to) override { return inner_.rename(from, to); }
  host::Status remove(const std::string& path) override { return inner_.remove(path); }
  host::Status writeValue(const std::string& path, std::string_view value) override {
    return inner_.writeValue(path, value);
  }
  [[nodiscard]] std::string shown(const std::string& path) const override { return inner_.shown(path); }

 protected:
  host::Files& inner_;
};

}  // namespace bedplate::testlib
