#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/apply/apply.h"

namespace bedplate::apply {
namespace {

// Far beyond what Git may bring; a hand-made file of this size is not ours to hold.
constexpr std::size_t kMaxFile = 16 << 20;
// A file that changed this short a time ago may change again without its times telling.
constexpr std::int64_t kSettledNs = 2'000'000'000;

host::Status observeSysctls(Machine& machine, const plan::Target& target, const plan::Held& held,
                            plan::Observed& observed) {
  sysctl::Tree tree(machine.files);
  std::vector<sysctl::Rule> rules;
  rules.reserve(target.sysctls.size());
  for (const auto& want : target.sysctls) rules.push_back(want.rule);
  const auto taken = [&](const std::string& key) {
    const auto found = held.sysctls.find(key);
    return found == held.sysctls.end() ? std::nullopt : std::optional(found->second.value);
  };
  BEDPLATE_TRY_LET(auto wants, sysctl::resolve(rules, tree, taken));
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
    if (observed.sysctls.count(key) != 0 || sysctl::asks(rules, key)) continue;
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

host::Status observeFile(Machine& machine, const std::string& path, const host::Result<host::FileInfo>& info,
                         SeenFiles* seen, plan::Observed& observed) {
  plan::FileSeen file;
  if (info) {
    file.present = true;
    file.regular = info->kind == host::FileKind::regular;
    file.mode = info->mode;
    file.uid = info->uid;
    file.gid = info->gid;
    if (file.regular) {
      auto hash = hashOf(machine, path, *info, seen);
      if (hash) file.sha256 = std::move(*hash);  // else it shows as unreadable, and is put right like any other
    }
  } else if (info.error().reason != "NotFound") {
    // ENOTDIR and the like as well: what is in the way says so when it is written.
    return host::Failure(info.error());
  }
  observed.files.emplace_hint(observed.files.end(), path, std::move(file));
  return {};
}

// Every path that is wanted or held, once and in order: both are by path.
std::vector<const std::string*> pathsOf(const plan::Target& target, const plan::Held& held) {
  std::vector<const std::string*> paths;
  paths.reserve(std::max(target.files.size(), held.files.size()));
  auto kept = held.files.begin();
  for (const auto& file : target.files) {
    for (; kept != held.files.end() && kept->first < file.path; ++kept) paths.push_back(&kept->first);
    if (kept != held.files.end() && kept->first == file.path) ++kept;
    paths.push_back(&file.path);
  }
  for (; kept != held.files.end(); ++kept) paths.push_back(&kept->first);
  return paths;
}

host::Status observeFiles(Machine& machine, const plan::Target& target, const plan::Held& held, SeenFiles* seen,
                          plan::Observed& observed) {
  const auto paths = pathsOf(target, held);
  std::vector<std::string_view> names;
  for (std::size_t begin = 0; begin < paths.size();) {
    const std::string directory = host::parentPath(*paths[begin]);
    const std::size_t skip = directory.empty() ? 0 : directory.size() + 1;
    names.clear();
    for (std::size_t i = begin;
         i < paths.size() && paths[i]->rfind('/') + 1 == skip && paths[i]->compare(0, directory.size(), directory) == 0;
         ++i)
      names.push_back(std::string_view(*paths[i]).substr(skip));
    host::Status status;
    machine.files.infos(directory, names, [&](std::size_t i, const host::Result<host::FileInfo>& info) {
      if (status) status = observeFile(machine, *paths[begin + i], info, seen, observed);
    });
    BEDPLATE_TRY(status);
    begin += names.size();
  }
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
  BEDPLATE_TRY(observeFiles(machine, target, held, seen, observed));
  return observed;
}

}  // namespace bedplate::apply
