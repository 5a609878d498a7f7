// What the kernel writes of instances and file handles, as text.
// Thread-safety: free functions and plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace bedplate::inotify {

// The "inotify wd:" lines of a proc/PID/fdinfo file that comes in pieces.
class WatchCount {
 public:
  void take(std::string_view piece);
  [[nodiscard]] std::int64_t watches() const { return watches_; }

 private:
  std::size_t matched_ = 0;  // of the line's beginning; kNever once it differs
  std::int64_t watches_ = 0;
};

// A process id, or a descriptor, as the name of a file: 1 to 2^31-1 (0 too for a descriptor), digits only.
std::optional<int> parseNumber(std::string_view name);

// The numbers of proc/sys/fs/file-nr: allocated, free (always 0), limit. nullopt for anything else.
struct FileNumbers {
  std::int64_t used = 0, limit = 0;
};
std::optional<FileNumbers> parseFileNumbers(std::string_view text);

}  // namespace bedplate::inotify
