// bedplate.conf is written by people and by tools; whatever is in it, the parser must come back with problems or
// values.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/config/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bedplate::config;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Config config;
  std::vector<Problem> problems;
  parse(text, "fuzz.conf", config, problems);
  // What was taken must be what the worker may be given.
  if (config.configured() && refusedUrl(config.repository.url)) std::abort();
  if (!config.repository.sshKey.empty() && config.repository.sshKey.front() == '/') std::abort();
  for (const auto& problem : problems)
    if (problem.message.empty() || problem.line < 0) std::abort();
  static_cast<void>(parseDurationMs(text.substr(0, 40)));
  return 0;
}
