// The file that a disk is measured on: it has no name, so nothing stays whatever happens. Private to tuning/bench.
// Thread-safety: used from one thread.
#pragma once

#include <string_view>

#include "tuning/host/files.h"

namespace bedplate::bench {

// Whether this lies on a file system that is kept in memory.
bool onMemory(const host::UniqueFd& fd);

class Scratch {
 public:
  // `size` bytes, preallocated as etcd does with a segment of its log. With `unnamed` by O_TMPFILE where the file
  // system has it; else, and without, made and unlinked. "NoSpace" when the disk has not that much.
  static host::Result<Scratch> open(host::HostFiles& files, const std::string& directory, std::uint64_t size,
                                    bool unnamed = true);

  // One write(2) after the last one.
  host::Status append(std::string_view data);
  // One pwrite(2) at a place that was written before.
  host::Status rewrite(std::uint64_t offset, std::string_view data);
  host::Status sync();
  // Begins a new segment where `bytes` more would not fit: writing again over blocks that have been written once is a
  // third faster than what etcd does. Apart from append(), as it is not to be timed.
  host::Status makeRoom(std::size_t bytes);
  // Whether it lies in memory only, where a sync says nothing.
  [[nodiscard]] bool inMemory() const;
  // Bytes written into the segment of now.
  [[nodiscard]] std::uint64_t used() const { return offset_; }

 private:
  Scratch(host::UniqueFd fd, std::string shown, std::uint64_t size)
      : fd_(std::move(fd)), shown_(std::move(shown)), size_(size) {}
  host::Status allocate();
  host::Status write(std::uint64_t offset, std::string_view data);

  host::UniqueFd fd_;
  std::string shown_;
  std::uint64_t size_;
  std::uint64_t offset_ = 0;
};

}  // namespace bedplate::bench
