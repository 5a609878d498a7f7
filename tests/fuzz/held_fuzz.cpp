// The file of originals: whatever is accepted is written and read again as the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/apply/held_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bedplate::apply;
  const auto held = parseHeld({reinterpret_cast<const char*>(data), size});
  if (!held) return 0;
  const auto again = parseHeld(heldText(*held));
  if (!again || again->sysctls != held->sysctls || again->files != held->files) std::abort();
  return 0;
}
