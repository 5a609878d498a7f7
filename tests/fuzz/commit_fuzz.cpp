#include <cstdlib>

#include "agent/source/source.h"

// What parses keeps its promises: bounded, and shown text without control characters.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bedplate::source;
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  const auto commit = parseCommit(hashObject(ObjectType::commit, raw, 20), raw);
  if (!commit) return 0;
  if (commit->parents.size() > 64 || commit->subject.size() > 200 || commit->raw != raw) std::abort();
  for (const std::string& text : {commit->author, commit->subject})
    for (const char c : text)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
  return 0;
}
