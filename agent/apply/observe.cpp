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
    if (known != seen->byPath.end() && known->second.info == info) {
      known->second.round = seen->round;
      return known->second.sha256;
    }
  }
  const std::int64_t nowNs = machine.clock.wallUs() * 1000;
  BEDPLATE_TRY_LET(const std::string content, machine.files.read(path, kMaxFile));
  std::string hash = plan::sha256(content);
  if (seen != nullptr) {
    seen->byPath.erase(path);
    if (info.changedNs + kSettledNs < nowNs) seen->byPath.emplace(path, SeenFiles::File{info, hash, seen->round});
  }
  return hash;
}

plan::FileSeen fileSeen(const host::FileInfo& info) {
  return {true, info.kind == host::FileKind::regular, info.mode, info.uid, info.gid, {}};
}

host::Status observeFile(Machine& machine, const std::string& path, const host::Result<host::FileInfo>& info,
                         SeenFiles* seen, plan::Observed& observed) {
  plan::FileSeen file;
  if (info) {
    file = fileSeen(*info);
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

// What a watch vouches for is as it was.
bool observeStill(const std::string& path, bool held, const SeenFiles* seen, std::int64_t nowNs,
                  plan::Observed& observed) {
  if (!held || seen == nullptr || !seen->watched) return false;
  const auto known = seen->byPath.find(path);
  if (known == seen->byPath.end() || !seen->still(known->second.round, nowNs)) return false;
  plan::FileSeen file = fileSeen(known->second.info);
  file.sha256 = known->second.sha256;
  observed.files.emplace_hint(observed.files.end(), path, std::move(file));
  return true;
}

// Every path that is wanted or held, once and in order: both are by path. Without those that need no look.
std::vector<const std::string*> pathsOf(Machine& machine, const plan::Target& target, const plan::Held& held,
                                        const SeenFiles* seen, plan::Observed& observed, bool& all) {
  std::vector<const std::string*> paths;
  paths.reserve(std::max(target.files.size(), held.files.size()));
  const std::int64_t nowNs = machine.clock.monotonicNs();
  const auto add = [&](const std::string& path, bool isHeld) {
    if (observeStill(path, isHeld, seen, nowNs, observed))
      all = false;
    else
      paths.push_back(&path);
  };
  auto kept = held.files.begin();
  for (const auto& file : target.files) {
    for (; kept != held.files.end() && kept->first < file.path; ++kept) add(kept->first, true);
    const bool isHeld = kept != held.files.end() && kept->first == file.path;
    if (isHeld) ++kept;
    add(file.path, isHeld);
  }
  for (; kept != held.files.end(); ++kept) add(kept->first, true);
  return paths;
}

host::Status observeFiles(Machine& machine, const plan::Target& target, const plan::Held& held, SeenFiles* seen,
                          plan::Observed& observed) {
  const std::int64_t beganNs = machine.clock.monotonicNs();
  bool all = true;
  const auto paths = pathsOf(machine, target, held, seen, observed, all);
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
  if (all && seen != nullptr) seen->wholeNs = beganNs;
  return {};
}

}  // namespace

void SeenFiles::hear(const News& news) {
  watched = news.files;
  if (!watched) {
    ++round;
    wholeNs.reset();
  }
  for (const auto& path : news.touched) byPath.erase(path);
}

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
