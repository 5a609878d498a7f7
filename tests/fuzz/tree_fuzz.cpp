#include <cstdio>
#include <cstdlib>

#include "agent/source/source.h"

// What parses is exactly what git would write for these entries.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bedplate::source;
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  const auto entries = parseTree(raw, 20);
  if (!entries) return 0;
  std::string again;
  for (const auto& entry : *entries) {
    char mode[16];
    std::snprintf(mode, sizeof mode, "%o ", entry.mode);
    again += mode + entry.name + std::string(1, '\0') + std::string(entry.id.bytes());
    if (entry.name.empty() || entry.name == ".." || entry.name.find('/') != std::string::npos) std::abort();
  }
  if (again != raw) std::abort();
  return 0;
}
