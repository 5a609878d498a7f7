// modules-load.d files: an entry that comes out is safe as a part of a path and of a unit's name.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tuning/modules/modules.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto require = [](bool holds) {
    if (!holds) std::abort();
  };
  const auto parsed = bedplate::modules::parse({reinterpret_cast<const char*>(data), size}, "f");
  for (const auto& entry : parsed.entries) {
    require(!entry.name.empty() && entry.name.size() <= 64 && entry.line >= 1);
    for (const char c : entry.name)
      require((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_');
  }
  for (const auto& problem : parsed.problems) require(problem.line >= 1 && problem.column >= 1);
  return 0;
}
