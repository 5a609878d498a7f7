// The most memory that this process has held since the object was made (the kernel's VmHWM).
#pragma once

#include <charconv>
#include <fstream>
#include <string>

namespace bedplate::testlib {

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
