// cgroup, stat and cmdline of a process: whatever it calls itself, what is shown of it is short and printable.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tuning/process/process.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool shown(std::string_view text) {
  for (const char c : text)
    if (c < ' ' || c > '~') return false;
  return text.size() <= 256;
}

}  // namespace

namespace process = bedplate::process;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  process::Process one;
  process::placeOf(text, one);
  require(shown(one.unit) && shown(one.pod) && shown(one.container));
  require(one.pod.empty() || one.pod.size() == 32 || one.pod.size() == 36);
  require(one.container.empty() || one.container.size() == 64);
  const std::size_t half = size / 2;
  one.command = process::commandOf(text.substr(0, half), text.substr(half));
  require(shown(one.command) && one.command.size() <= 129);
  require(process::text(one).size() < 600);
  static_cast<void>(process::startTime(text));
  return 0;
}
