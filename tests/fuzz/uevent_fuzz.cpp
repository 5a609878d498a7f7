// What comes from the socket of uevents: what is taken is short, printable and of the kernel's form.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tuning/links/links.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto event = bedplate::links::parseUevent({reinterpret_cast<const char*>(data), size});
  if (!event) return 0;
  if (event->action.empty() || event->path.empty() || event->path.front() != '/') std::abort();
  for (const std::string_view text :
       {std::string_view(event->action), std::string_view(event->path), std::string_view(event->subsystem)})
    for (const char c : text)
      if (c <= ' ' || c > '~') std::abort();
  return 0;
}
