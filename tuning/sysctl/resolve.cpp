// From rules to the keys that they mean on this machine.
#include <map>
#include <set>

#include "tuning/sysctl/sysctl.h"

namespace bedplate::sysctl {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

// The last rule for each spelling of a key or glob. `tolerant` adds up over a value that is only repeated.
struct Last {
  std::size_t rule = kNone;
  bool tolerant = false;
};

}  // namespace

host::Result<std::vector<Want>> resolve(const std::vector<Rule>& rules, Tree& tree) {
  std::map<std::string_view, Last> lastOf;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    Last& last = lastOf[rules[i].key];
    const bool repeated = last.rule != kNone && rules[last.rule].excluded == rules[i].excluded &&
                          rules[last.rule].value == rules[i].value;
    last.tolerant = rules[i].tolerant || (repeated && last.tolerant);
    last.rule = i;
  }
  std::set<std::size_t> globs;  // in the order in which they stand: the later one wins
  std::map<std::string, Want> wants;
  for (const auto& [key, last] : lastOf) {
    const Rule& rule = rules[last.rule];
    if (rule.excluded) continue;
    if (rule.isGlob())
      globs.insert(last.rule);
    else
      wants[rule.key] = {rule.key, rule.value, last.tolerant, last.rule};
  }
  for (const std::size_t index : globs) {
    const Rule& rule = rules[index];
    BEDPLATE_TRY_LET(const std::vector<std::string> matches, tree.expand(rule.key));
    for (const std::string& key : matches)
      if (!lastOf.contains(key)) wants[key] = {key, rule.value, lastOf.at(rule.key).tolerant, index};
  }
  std::vector<Want> ordered;
  ordered.reserve(wants.size());
  for (auto& [key, want] : wants) ordered.push_back(std::move(want));
  return ordered;
}

}  // namespace bedplate::sysctl
