// target.json of a generation: whatever is accepted is written and read again as the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "agent/plan/plan.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bedplate;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto target = plan::targetFromJson(text);
  if (!target) return 0;
  const std::string written = plan::toJson(*target);
  const auto again = plan::targetFromJson(written);
  if (!again || plan::toJson(*again) != written || plan::digest(*again) != plan::digest(*target)) std::abort();
  return 0;
}
