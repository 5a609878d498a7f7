#include <charconv>

#include "tuning/host/paths.h"
#include "tuning/inotify/inotify.h"
#include "tuning/inotify/parse.h"

namespace bedplate::inotify {
namespace {

constexpr std::size_t kMaxNumber = 256;

host::Result<std::int64_t> readNumber(host::Files& files, const char* path) {
  BEDPLATE_TRY_LET(const std::string text, files.readValue(path, kMaxNumber));
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || value < 0 || (at != end && *at != '\n'))
    return host::fail("Corrupt", files.shown(path), "is no number");
  return value;
}

}  // namespace

host::Result<Limits> readLimits(host::Files& files) {
  Limits limits;
  BEDPLATE_TRY_LET(limits.instances, readNumber(files, host::paths::inotifyInstances));
  BEDPLATE_TRY_LET(limits.watches, readNumber(files, host::paths::inotifyWatches));
  return limits;
}

host::Result<FileHandles> readFileHandles(host::Files& files) {
  BEDPLATE_TRY_LET(const std::string text, files.readValue(host::paths::fileHandles, kMaxNumber));
  const auto numbers = parseFileNumbers(text);
  if (!numbers) return host::fail("Corrupt", files.shown(host::paths::fileHandles), "is not three numbers");
  return FileHandles{numbers->used, numbers->limit};
}

}  // namespace bedplate::inotify
