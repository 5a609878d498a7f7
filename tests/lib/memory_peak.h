// The most memory that this process has held since the object was made (the kernel's VmHWM).
#pragma once

#include <charconv>
#include <fstream>
#include <string>

namespace bedplate::testlib {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMemoryIsOurs = false;  // theirs comes on top: shadow, and what is kept after it was freed
#else
constexpr bool kMemoryIsOurs = true;
#endif

class MemoryPeak {
 public:
  MemoryPeak() { std::ofstream("/proc/self/clear_refs") << "5"; }
  [[nodiscard]] static std::size_t kib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (!line.starts_with("VmHWM:")) continue;
      const std::size_t begin = line.find_first_of("0123456789");
      std::size_t value = 0;
      std::from_chars(line.data() + begin, line.data() + line.size(), value);
      return value;
    }
    return ~std::size_t{0};
  }
};

}  // namespace bedplate::testlib
