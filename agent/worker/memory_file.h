// A text that a library wants as a file: in memory, so that nothing stays on the disk.
// Thread-safety: plain values.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "tuning/host/result.h"
#include "tuning/host/unique_fd.h"

namespace bedplate::worker {

// False with errno.
bool writeAll(int fd, std::string_view text);

class MemoryFile {
 public:
  // "WorkerFailed".
  static host::Result<MemoryFile> make(std::string_view text);
  // Good while this object lives, and in this process only.
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }

 private:
  explicit MemoryFile(host::UniqueFd fd) : fd_(std::move(fd)) {}
  host::UniqueFd fd_;
};

}  // namespace bedplate::worker
