// A list of CPUs as the kernel prints it: whatever stands there, the count is one that a machine can have.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tuning/host/machine.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int count = bedplate::host::countCpus({reinterpret_cast<const char*>(data), size});
  if (count < 0 || count > 1 << 17) std::abort();
  return 0;
}
