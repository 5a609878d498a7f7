// From rules to the keys that they mean on this machine.
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "tuning/sysctl/sysctl.h"
#include "tuning/sysctl/values.h"

namespace bedplate::sysctl {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);
constexpr std::array kSources = {Source::profile, Source::sizing, Source::file, Source::floor};

// The last rule for each spelling of a key or glob. `tolerant` adds up over a value that is only repeated.
struct Last {
  std::size_t rule = kNone;
  bool tolerant = false;
};
using LastOf = std::map<std::string_view, Last>;

LastOf lastRules(const std::vector<Rule>& rules, Source source) {
  LastOf lastOf;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].source != source) continue;
    Last& last = lastOf[rules[i].key];
    const bool repeated = last.rule != kNone && rules[last.rule].excluded == rules[i].excluded &&
                          rules[last.rule].value == rules[i].value;
    last.tolerant = rules[i].tolerant || (repeated && last.tolerant);
    last.rule = i;
  }
  return lastOf;
}

class Resolver {
 public:
  Resolver(const std::vector<Rule>& rules, Tree& tree, const Original& original)
      : rules_(rules), tree_(tree), original_(original) {}

  host::Status add(Source source) {
    const LastOf lastOf = lastRules(rules_, source);
    std::set<std::size_t> globs;  // in the order in which they stand: the later one wins
    for (const auto& [key, last] : lastOf) {
      const Rule& rule = rules_[last.rule];
      if (rule.isGlob()) {
        if (!rule.excluded) globs.insert(last.rule);
      } else if (rule.excluded) {
        wants_.erase(rule.key);
      } else {
        put(rule.key, last);
      }
    }
    for (const std::size_t index : globs) {
      const Rule& rule = rules_[index];
      BEDPLATE_TRY_LET(const std::vector<std::string> matches, tree_.expand(rule.key));
      for (const std::string& key : matches)
        if (!lastOf.contains(key)) put(key, lastOf.at(rule.key));
    }
    return {};
  }

  std::vector<Want> take() {
    std::vector<Want> ordered;
    ordered.reserve(wants_.size());
    for (auto& [key, want] : wants_) ordered.push_back(std::move(want));
    return ordered;
  }

 private:
  void put(const std::string& key, const Last& last) {
    const Rule& rule = rules_[last.rule];
    const auto before = wants_.find(key);
    if (rule.bound == Bound::exact) {
      wants_.insert_or_assign(key, Want{.key = key, .value = rule.value, .tolerant = last.tolerant, .rule = last.rule});
    } else if (rule.bound == Bound::about) {
      keep(key, last);
    } else if (before != wants_.end()) {
      before->second.tolerant = before->second.tolerant && last.tolerant;
      raise(before->second, last.rule, before->second.value);
    } else {
      Want want{.key = key, .value = rule.value, .tolerant = last.tolerant, .rule = last.rule, .bound = Bound::atLeast};
      if (const auto base = baseOf(key)) {
        raise(want, last.rule, *base);
        want.fromBase = want.problem.empty() && want.value != rule.value;
      }
      wants_.insert_or_assign(key, std::move(want));
    }
  }

  // The greater of the rule's number and `value`.
  void raise(Want& want, std::size_t index, const std::string& value) {
    const Rule& rule = rules_[index];
    const auto least = integer(rule.value), have = integer(value);
    if (!have || !least) {
      want.problem = "\"" + (least ? value : rule.value) + "\" is not one integer, so nothing can be the least of it";
      want.rule = index;
      return;
    }
    const bool raised = *least > *have;
    want.value = raised ? rule.value : value;
    if (!raised) return;
    want.rule = index;
    want.fromBase = false;
    if (want.bound == Bound::about) want.bound = Bound::atLeast;
  }

  // What is there, unless it is below half of the rule's number; an exact value of a weaker source does not matter.
  void keep(const std::string& key, const Last& last) {
    const Rule& rule = rules_[last.rule];
    Want want{.key = key, .value = rule.value, .tolerant = last.tolerant, .rule = last.rule, .bound = Bound::about};
    if (const auto now = tree_.read(key)) {
      const auto about = integer(rule.value), have = integer(*now);
      if (!about || !have)
        want.problem = "\"" + *now + "\" is not one integer, so it cannot be about another";
      else if (have->twice() >= *about)
        want.value = *now;
      want.fromBase = want.problem.empty() && want.value != rule.value;
    }
    wants_.insert_or_assign(key, std::move(want));
  }

  std::optional<std::string> baseOf(const std::string& key) {
    if (original_)
      if (auto original = original_(key)) return original;
    auto now = tree_.read(key);
    return now ? std::optional(std::move(*now)) : std::nullopt;
  }

  const std::vector<Rule>& rules_;
  Tree& tree_;
  const Original& original_;
  std::map<std::string, Want> wants_;
};

}  // namespace

const char* name(Bound bound) {
  return bound == Bound::exact ? "exact" : bound == Bound::atLeast ? "atLeast" : "about";
}

const char* name(Source source) {
  switch (source) {
    case Source::profile: return "profile";
    case Source::sizing: return "sizing";
    case Source::file: return "file";
    case Source::floor: break;
  }
  return "floor";
}

host::Result<std::vector<Want>> resolve(const std::vector<Rule>& rules, Tree& tree, const Original& original) {
  Resolver resolver(rules, tree, original);
  for (const Source source : kSources) BEDPLATE_TRY(resolver.add(source));
  return resolver.take();
}

bool asks(const std::vector<Rule>& rules, const std::string& key) {
  bool asked = false;
  for (const Source source : kSources) {
    const Rule* own = nullptr;
    std::map<std::string_view, bool> globs;  // those that match: whether their last word is to set it
    for (const Rule& rule : rules) {
      if (rule.source != source) continue;
      if (rule.key == key)
        own = &rule;
      else if (rule.isGlob() && ::fnmatch(rule.key.c_str(), key.c_str(), FNM_PATHNAME) == 0)
        globs[rule.key] = !rule.excluded;
    }
    if (own != nullptr)
      asked = !own->excluded;
    else
      asked = asked || std::any_of(globs.begin(), globs.end(), [](const auto& glob) { return glob.second; });
  }
  return asked;
}

}  // namespace bedplate::sysctl
