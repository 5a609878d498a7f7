// sysctl.d files, keys and values: whatever stands there, a rule that comes out is one that can be written and shown.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tuning/sysctl/sysctl.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool printable(std::string_view text) {
  for (const char c : text)
    if (c < ' ' || c > '~') return false;
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bedplate::sysctl;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Parsed parsed = parse(text, "f");
  int line = 0;
  for (const Rule& rule : parsed.rules) {
    require(rule.line > line);
    line = rule.line;
    require(normaliseKey(dotted(rule.key)).value() == rule.key);
    require(printable(rule.value) && normaliseValue(rule.value) == rule.value);
    require(!(rule.excluded && (rule.tolerant || !rule.value.empty())));
    static_cast<void>(refused(rule.key, rule.value));
    static_cast<void>(claimedByK3s(rule.key));
  }
  line = 0;
  for (const Problem& problem : parsed.problems) {
    require(problem.line > line && problem.column >= 1 && printable(problem.message) && problem.message.size() < 300);
    line = problem.line;
  }
  if (const auto key = normaliseKey(text)) {
    require(normaliseKey(dotted(*key)).value() == *key);
    require(dotted(dotted(*key)) == *key);
  }
  const std::string value = normaliseValue(text);
  require(normaliseValue(value) == value);
  static_cast<void>(refused("kernel/core_pattern", text));
  return 0;
}
