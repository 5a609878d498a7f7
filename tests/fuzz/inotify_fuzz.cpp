// What proc says of a process: its watches in pieces, file handles.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tuning/inotify/parse.h"

namespace inotify = bedplate::inotify;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto require = [](bool holds) {
    if (!holds) std::abort();
  };
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // However the pieces are cut, there are as many.
  inotify::WatchCount whole;
  whole.take(text);
  inotify::WatchCount pieces;
  const std::size_t cut = size == 0 ? 1 : std::size_t{data[0]} % 16 + 1;
  for (std::size_t at = 0; at < size; at += cut) pieces.take(text.substr(at, cut));
  require(whole.watches() == pieces.watches());
  require(whole.watches() * 11 <= static_cast<std::int64_t>(size));

  if (const auto number = inotify::parseNumber(text)) require(*number >= 0);
  if (const auto numbers = inotify::parseFileNumbers(text)) require(numbers->used >= 0 && numbers->limit >= 0);
  return 0;
}
