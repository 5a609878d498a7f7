// A directory tree that stands for a host: made for one test, gone after it.
#pragma once

#include <string>

#include "tuning/host/clock.h"
#include "tuning/host/files.h"

namespace bedplate::testlib {

class TempTree {
 public:
  TempTree();
  ~TempTree();
  TempTree(const TempTree&) = delete;
  TempTree& operator=(const TempTree&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  host::HostFiles& files() { return files_; }
  // Makes the directories on the way. Writes in place, as a careless program on the host would.
  void write(const std::string& path, const std::string& content);
  // "" when there is nothing; exists() tells the difference.
  [[nodiscard]] std::string read(const std::string& path) const;
  [[nodiscard]] bool exists(const std::string& path) const;
  void remove(const std::string& path);

 private:
  std::string path_;
  host::HostFiles files_;
};

// A clock that stands still until it is moved.
class FakeClock final : public host::Clock {
 public:
  std::int64_t wallUs() override { return wall; }
  std::int64_t monotonicNs() override { return monotonic; }
  void advanceMs(std::int64_t ms) {
    wall += ms * 1000;
    monotonic += ms * 1'000'000;
  }
  std::int64_t wall = 1'790'000'000'000'000;  // 2026-09-21
  std::int64_t monotonic = 1'000'000'000;
};

}  // namespace bedplate::testlib
