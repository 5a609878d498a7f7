#include "agent/apply/boot_files.h"

#include <fnmatch.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

constexpr std::size_t kMaxText = 4 << 20;
constexpr const char* kHead = "# Managed by bedplate from Git; a change here is put back. See bedplate explain.\n";

// What a rule of the target becomes in the boot file.
enum class Line { none, set, setTolerant, exclude, asBefore };

struct Verdicts {
  std::map<std::string, std::string> before;                                // key or glob -> value, as the file has it
  std::map<std::pair<std::string_view, sysctl::Source>, std::size_t> last;  // of each spelling in each source
  struct Matches {
    bool any = false, held = false, failed = false, tolerant = false, undone = false;
  };
  std::map<std::size_t, Matches> matches;  // by the rule that decided
};

Verdicts gather(const plan::Target& target, const plan::Observed& seen, const Holding& holding,
                const std::string& before) {
  Verdicts verdicts;
  for (auto& rule : sysctl::parse(before, "").rules)
    if (!rule.excluded) verdicts.before[rule.key] = rule.value;
  for (std::size_t i = 0; i < target.sysctls.size(); ++i) {
    const auto& rule = target.sysctls[i].rule;
    verdicts.last[{rule.key, rule.source}] = i;
  }
  for (const auto& [key, value] : seen.sysctls) {
    auto& matches = verdicts.matches[value.want.rule];
    matches.any = true;
    matches.held = matches.held || holding.held.count(key) != 0;
    matches.failed = matches.failed || holding.failed.count(key) != 0;
    matches.undone = matches.undone || holding.undone.count(key) != 0;
    matches.tolerant = matches.tolerant || value.want.tolerant;
  }
  return verdicts;
}

Line verdict(const Verdicts& verdicts, const plan::Observed& seen, const sysctl::Rule& rule, std::size_t index,
             const std::string& value) {
  if (verdicts.last.at({rule.key, rule.source}) != index) return Line::none;
  const auto own = seen.sysctls.find(rule.key);
  if (own != seen.sysctls.end() && own->second.want.rule != index) return Line::none;  // the rule that decided has it
  if (rule.excluded) return rule.isGlob() ? Line::none : Line::exclude;
  if (own == seen.sysctls.end() && !rule.isGlob()) return Line::none;  // taken back by a stronger source
  const auto found = verdicts.matches.find(index);
  const Verdicts::Matches matches = found == verdicts.matches.end() ? Verdicts::Matches{} : found->second;
  const auto earlier = verdicts.before.find(rule.key);
  // As a group: what it would do to the one key at boot, it would do again.
  if (matches.undone) {
    if (earlier != verdicts.before.end() && earlier->second != value) return Line::asBefore;
    return rule.isGlob() ? Line::none : Line::exclude;
  }
  const bool heldEarlier = earlier != verdicts.before.end() && earlier->second == value && !matches.failed;
  if (!matches.held && !heldEarlier) return rule.isGlob() ? Line::none : Line::exclude;
  return matches.tolerant || rule.tolerant || matches.failed ? Line::setTolerant : Line::set;
}

host::Status writeOne(host::Files& files, const std::string& path, const std::string& before, const std::string& text) {
  if (text == before) return {};
  if (!text.empty()) return host::replaceFile(files, {path, text, 0644, ::geteuid(), ::getegid()});
  BEDPLATE_TRY(files.remove(path));
  return files.flush(host::parentPath(path));
}

host::Result<std::string> readOne(host::Files& files, const std::string& path) {
  auto text = files.read(path, kMaxText);
  if (!text && text.error().errnum == ENOENT) return std::string();
  return text;
}

}  // namespace

std::string bootSysctl(const plan::Target& target, const plan::Observed& seen, const Holding& holding,
                       const std::string& before) {
  const Verdicts verdicts = gather(target, seen, holding, before);
  std::string lines;
  std::string excluded;
  bool globs = false;
  for (std::size_t i = 0; i < target.sysctls.size(); ++i) {
    const auto& rule = target.sysctls[i].rule;
    // What a bound means on this host is a plain value by now.
    const auto own = seen.sysctls.find(rule.key);
    const std::string& value = own == seen.sysctls.end() ? rule.value : own->second.want.value;
    const Line line = verdict(verdicts, seen, rule, i, value);
    if (line == Line::exclude) excluded += "-" + sysctl::dotted(rule.key) + "\n";
    if (line == Line::asBefore) lines += "-" + sysctl::dotted(rule.key) + " = " + verdicts.before.at(rule.key) + "\n";
    if (line == Line::asBefore) globs = globs || rule.isGlob();
    if (line != Line::set && line != Line::setTolerant) continue;
    globs = globs || rule.isGlob();
    lines += (line == Line::setTolerant ? "-" : "") + sysctl::dotted(rule.key) + " = " + value + "\n";
  }
  // A rule that Git no longer has, while what it set could not be given back.
  for (const auto& [key, value] : verdicts.before) {
    const bool undone = std::any_of(holding.undone.begin(), holding.undone.end(), [&](const std::string& one) {
      return one == key || ::fnmatch(key.c_str(), one.c_str(), FNM_PATHNAME) == 0;
    });
    const bool asked = std::any_of(target.sysctls.begin(), target.sysctls.end(),
                                   [&](const cluster::SysctlWant& want) { return want.rule.key == key; });
    if (undone && !asked) lines += "-" + sysctl::dotted(key) + " = " + value + "\n";
  }
  if (lines.empty()) return {};
  // A key that is not set here must not be reached by a glob either.
  return kHead + lines + (globs ? excluded : "");
}

std::string bootModules(const plan::Target& target, const Holding& holding, const std::string& before) {
  std::set<std::string> earlier;
  for (auto& entry : modules::parse(before, "").entries) earlier.insert(std::move(entry.name));
  std::string lines;
  std::set<std::string> done;
  for (const auto& want : target.modules) {
    const auto& name = want.entry.name;
    const bool holds = holding.held.count(name) != 0 || (earlier.count(name) != 0 && holding.failed.count(name) == 0);
    if (holds && done.insert(name).second) lines += name + "\n";
  }
  return lines.empty() ? lines : kHead + lines;
}

host::Status writeBootFiles(host::Files& files, const plan::Target& target, const plan::Observed& seen,
                            const Holding& holding) {
  BEDPLATE_TRY_LET(const std::string sysctls, readOne(files, host::paths::bootSysctl));
  BEDPLATE_TRY(writeOne(files, host::paths::bootSysctl, sysctls, bootSysctl(target, seen, holding, sysctls)));
  BEDPLATE_TRY_LET(const std::string modules, readOne(files, host::paths::bootModules));
  return writeOne(files, host::paths::bootModules, modules, bootModules(target, holding, modules));
}

bool inBootSysctl(host::Files& files, const std::string& rule, const std::string& value) {
  const auto text = readOne(files, host::paths::bootSysctl);
  if (!text) return false;
  const auto rules = sysctl::parse(*text, "").rules;
  return std::any_of(rules.begin(), rules.end(),
                     [&](const sysctl::Rule& one) { return !one.excluded && one.key == rule && one.value == value; });
}

}  // namespace bedplate::apply
