#include "agent/worker/memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace bedplate::worker {

bool writeAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

host::Result<MemoryFile> MemoryFile::make(std::string_view text) {
  host::UniqueFd fd(::memfd_create("bedplate", MFD_CLOEXEC));
  if (fd.valid() && writeAll(fd.get(), text)) return MemoryFile(std::move(fd));
  auto failure = host::failErrno(errno, "", "cannot keep a file in memory");
  failure.value().reason = "WorkerFailed";
  return failure;
}

}  // namespace bedplate::worker
