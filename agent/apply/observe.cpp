#include <fnmatch.h>
#include <unistd.h>

#include <cerrno>

#include "agent/apply/apply.h"

namespace bedplate::apply {
namespace {

// Far beyond what Git may bring; a hand-made file of this size is not ours to hold.
constexpr std::size_t kMaxFile = 16 << 20;
// A file that changed this short a time ago may change again without its times telling.
constexpr std::int64_t kSettledNs = 2'000'000'000;

// Whether a rule asks for the key, be it there or not.
bool covers(const plan::Target& target, const std::string& key) {
  bool covered = false;
  for (const auto& want : target.sysctls) {
    const auto& rule = want.rule;
    if (rule.key == key) return !rule.excluded;
    covered =
        covered || (!rule.excluded && rule.isGlob() && ::fnmatch(rule.key.c_str(), key.c_str(), FNM_PATHNAME) == 0);
  }
  return covered;
}

host::Status observeSysctls(Machine& machine, const plan::Target& target, const plan::Held& held,
                            plan::Observed& observed) {
  sysctl::Tree tree(machine.files);
  std::vector<sysctl::Rule> rules;
  rules.reserve(target.sysctls.size());
  for (const auto& want : target.sysctls) rules.push_back(want.rule);
  BEDPLATE_TRY_LET(auto wants, sysctl::resolve(rules, tree));
  for (auto& want : wants) {
    plan::SysctlSeen seen;
    auto value = tree.read(want.key);
    if (value)
      seen.value = std::move(*value);
    else
      seen.problem = value.error().reason;
    seen.want = std::move(want);
    std::string key = seen.want.key;
    observed.sysctls.emplace_hint(observed.sysctls.end(), std::move(key), std::move(seen));
  }
  for (const auto& [key, original] : held.sysctls) {
    if (observed.sysctls.count(key) != 0 || covers(target, key)) continue;
    auto value = tree.read(key);
    observed.formerSysctls[key] = value ? std::optional(std::move(*value)) : std::nullopt;
  }
  return {};
}

host::Result<std::string> hashOf(Machine& machine, const std::string& path, const host::FileInfo& info,
                                 SeenFiles* seen) {
  if (seen != nullptr) {
    const auto known = seen->byPath.find(path);
    if (known != seen->byPath.end() && known->second.first == info) return known->second.second;
  }
  const std::int64_t nowNs = machine.clock.wallUs() * 1000;
  BEDPLATE_TRY_LET(const std::string content, machine.files.read(path, kMaxFile));
  std::string hash = plan::sha256(content);
  if (seen != nullptr) {
    seen->byPath.erase(path);
    if (info.changedNs + kSettledNs < nowNs) seen->byPath.emplace(path, std::pair(info, hash));
  }
  return hash;
}

host::Status observeFile(Machine& machine, const std::string& path, SeenFiles* seen, plan::Observed& observed) {
  plan::FileSeen file;
  const auto info = machine.files.info(path);
  if (!info) {
    // ENOTDIR and the like as well: what is in the way says so when it is written.
    if (info.error().reason != "NotFound") return host::Failure(info.error());
    observed.files.emplace_hint(observed.files.end(), path, file);
    return {};
  }
  file.present = true;
  file.regular = info->kind == host::FileKind::regular;
  file.mode = info->mode;
  file.uid = info->uid;
  file.gid = info->gid;
  if (file.regular) {
    auto hash = hashOf(machine, path, *info, seen);
    if (hash) file.sha256 = std::move(*hash);  // else it shows as unreadable, and is put right like any other
  }
  observed.files.emplace_hint(observed.files.end(), path, std::move(file));  // targets are by path
  return {};
}

}  // namespace

host::Result<plan::Observed> observe(Machine& machine, const plan::Target& target, const plan::Held& held,
                                     SeenFiles* seen) {
  plan::Observed observed;
  observed.bootId = host::bootId(machine.files);
  observed.uid = ::geteuid();
  observed.gid = ::getegid();
  for (const auto& want : target.modules)
    observed.modules[want.entry.name] = modules::loaded(machine.files, want.entry.name);
  BEDPLATE_TRY(observeSysctls(machine, target, held, observed));
  for (const auto& file : target.files) BEDPLATE_TRY(observeFile(machine, file.path, seen, observed));
  auto wanted = target.files.begin();
  for (const auto& [path, original] : held.files) {
    while (wanted != target.files.end() && wanted->path < path) ++wanted;
    if (wanted == target.files.end() || wanted->path != path) BEDPLATE_TRY(observeFile(machine, path, seen, observed));
  }
  return observed;
}

}  // namespace bedplate::apply
