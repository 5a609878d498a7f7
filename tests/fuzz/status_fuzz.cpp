#include <cstdlib>

#include "agent/report/report.h"

// What is read back can be shown and written again, whatever it was, and stays the same from then on.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bedplate::report;
  const std::string text(reinterpret_cast<const char*>(data), size);
  auto status = fromJson(text);
  if (!status) return 0;
  const std::string once = toJson(*status);
  const auto again = fromJson(once);
  if (!again || toJson(*again) != once) std::abort();
  Screen screen;
  screen.nowUs = 1'790'000'000'000'000;
  std::size_t lines = 0;
  for (const char c : render(*status, screen)) {
    if (c == '\n') ++lines;
    if (c == '\x1b') std::abort();
  }
  if (lines > 24) std::abort();
  judge(*status, nullptr);
  const int exit = exitStatus(*status, screen.nowUs, true);
  if (exit < 0 || exit > 3 || metrics(*status, Counters{}).empty()) std::abort();
  return 0;
}
