// A file of the machine's time zones.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/apply/time_zone.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto zone = bedplate::apply::TimeZone::parse({reinterpret_cast<const char*>(data), size}, "a time zone");
  if (!zone) return 0;
  for (const std::int64_t at :
       {std::int64_t{-1}, std::int64_t{0}, std::int64_t{1'800'000'000}, std::int64_t{5'000'000'000}})
    if (const std::int64_t offset = zone->offsetAt(at); offset > 200'000 || offset < -200'000) std::abort();
  return 0;
}
