// sysctl.d files, keys and values: whatever stands there, a rule that comes out is one that can be written and shown.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tuning/sysctl/sysctl.h"
#include "tuning/sysctl/writers.h"

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

namespace sysctl = bedplate::sysctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const sysctl::Parsed parsed = sysctl::parse(text, "f");
  int line = 0;
  for (const sysctl::Rule& rule : parsed.rules) {
    require(rule.line > line);
    line = rule.line;
    require(sysctl::normaliseKey(sysctl::dotted(rule.key)).value() == rule.key);
    require(printable(rule.value) && sysctl::normaliseValue(rule.value) == rule.value);
    require(!(rule.excluded && (rule.tolerant || !rule.value.empty())));
    static_cast<void>(sysctl::refused(rule.key, rule.value));
    static_cast<void>(sysctl::claimedByK3s(rule.key));
    static_cast<void>(sysctl::conflicts(rule.key, rule.value));
  }
  line = 0;
  for (const sysctl::Problem& problem : parsed.problems) {
    require(problem.line > line && problem.column >= 1 && printable(problem.message) && problem.message.size() < 300);
    line = problem.line;
  }
  for (const sysctl::Rule& rule : sysctl::parseProfile(text, "f").rules)
    require(!rule.excluded && !rule.isGlob() && rule.source == sysctl::Source::profile);
  for (const sysctl::Rule& rule : parsed.rules) {
    require(rule.bound == sysctl::Bound::exact && rule.source == sysctl::Source::file);
    require(sysctl::same(rule.key, rule.value, rule.value));
    static_cast<void>(sysctl::same(rule.key, rule.value, text));
  }
  if (const auto key = sysctl::normaliseKey(text)) {
    require(sysctl::normaliseKey(sysctl::dotted(*key)).value() == *key);
    require(sysctl::dotted(sysctl::dotted(*key)) == *key);
  }
  const std::string value = sysctl::normaliseValue(text);
  require(sysctl::normaliseValue(value) == value);
  static_cast<void>(sysctl::refused("kernel/core_pattern", text));
  std::vector<std::pair<std::string, std::string>> values;
  for (const sysctl::Rule& rule : parsed.rules) values.emplace_back(rule.key, rule.value);
  values.emplace_back("net/ipv4/ip_local_port_range", "1024 65535");
  values.emplace_back("net/ipv4/ip_local_reserved_ports", value);
  static_cast<void>(sysctl::hazards(values));
  for (const sysctl::Assignment& one : sysctl::assignments(text, "sysctl"))
    require(one.line >= 1 && !one.key.empty() && one.key.size() + one.value.size() < text.size());
  return 0;
}
