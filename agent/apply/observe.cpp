#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/apply/apply.h"
#include "agent/apply/fingerprint.h"
#include "agent/apply/generations.h"
#include "tuning/host/wiped.h"

namespace bedplate::apply {
namespace {

// Far beyond what Git may bring; a hand-made file of this size is not ours to hold.
constexpr std::size_t kMaxFile = 16 << 20;
// A file that changed this short a time ago may change again without its times telling.
constexpr std::int64_t kSettledNs = 2'000'000'000;
constexpr std::size_t kMostOpened = 1000;

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
  BEDPLATE_TRY_LET(std::string content, machine.files.read(path, kMaxFile));
  std::string hash = plan::sha256(content);
  if (inK3sConfig(path)) host::wipe(content);
  if (seen != nullptr) {
    seen->byPath.erase(path);
    if (info.changedNs + kSettledNs < nowNs) seen->byPath.emplace(path, SeenFiles::File{info, hash, seen->round});
  }
  return hash;
}

plan::FileSeen fileSeen(const host::FileInfo& info) {
  return {true, info.kind == host::FileKind::regular, info.mode, info.uid, info.gid, {}};
}

// The hash of what a sealed file holds; nullopt when it cannot be opened.
std::optional<std::string> hashWithin(Machine& machine, const plan::Target& target, const plan::FileTarget& file,
                                      SeenFiles* seen) {
  if (seen != nullptr)
    if (const auto known = seen->opened.find(file.sha256); known != seen->opened.end()) return known->second;
  const auto secret = openSealed(machine, target, file);
  if (!secret) return std::nullopt;
  std::string hash = plan::sha256(secret->view());
  if (seen != nullptr) {
    if (seen->opened.size() >= kMostOpened) seen->opened.clear();
    seen->opened.emplace(file.sha256, hash);
  }
  return hash;
}

// Puts a content's hash in the form in which it may be compared and shown.
void setHash(Machine& machine, const plan::Target& target, const std::string& path, const std::string& hash,
             SeenFiles* seen, plan::FileSeen& file) {
  file.sha256 = hash;
  if (!inK3sConfig(path)) return;
  const auto wanted = std::lower_bound(target.files.begin(), target.files.end(), path,
                                       [](const auto& one, const std::string& name) { return one.path < name; });
  const bool asked = wanted != target.files.end() && wanted->path == path;
  const bool sealed = asked && wanted->sealed;
  if (sealed) {
    const auto within = hashWithin(machine, target, *wanted, seen);
    file.unknown = !within;
    if (within == hash) file.sha256 = wanted->sha256;
    if (within == hash) return;
  } else if (asked && wanted->sha256 == hash) {
    return;
  }
  file.shown = Fingerprint::of(machine.files)(hash);
  // The sealed text itself, as somebody may have copied it there, must not pass for what it holds.
  if (sealed) file.sha256 = file.shown;
}

host::Status observeFile(Machine& machine, const plan::Target& target, const std::string& path,
                         const host::Result<host::FileInfo>& info, SeenFiles* seen, plan::Observed& observed) {
  plan::FileSeen file;
  if (info) {
    file = fileSeen(*info);
    if (file.regular) {
      auto hash = hashOf(machine, path, *info, seen);
      // Else it shows as unreadable, and is put right like any other.
      if (hash) setHash(machine, target, path, *hash, seen, file);
    }
  } else if (info.error().reason != "NotFound") {
    // ENOTDIR and the like as well: what is in the way says so when it is written.
    return host::Failure(info.error());
  }
  observed.files.emplace_hint(observed.files.end(), path, std::move(file));
  return {};
}

// What a watch vouches for is as it was.
bool observeStill(Machine& machine, const plan::Target& target, const std::string& path, bool held, SeenFiles* seen,
                  std::int64_t nowNs, plan::Observed& observed) {
  if (!held || seen == nullptr || !seen->watched) return false;
  const auto known = seen->byPath.find(path);
  if (known == seen->byPath.end() || !seen->still(known->second.round, nowNs)) return false;
  plan::FileSeen file = fileSeen(known->second.info);
  setHash(machine, target, path, known->second.sha256, seen, file);
  observed.files.emplace_hint(observed.files.end(), path, std::move(file));
  return true;
}

// Every path that is wanted or held, once and in order: both are by path. Without those that need no look.
std::vector<const std::string*> pathsOf(Machine& machine, const plan::Target& target, const plan::Held& held,
                                        SeenFiles* seen, plan::Observed& observed, bool& all) {
  std::vector<const std::string*> paths;
  paths.reserve(std::max(target.files.size(), held.files.size()));
  const std::int64_t nowNs = machine.clock.monotonicNs();
  const auto add = [&](const std::string& path, bool isHeld) {
    if (observeStill(machine, target, path, isHeld, seen, nowNs, observed))
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
      if (status) status = observeFile(machine, target, *paths[begin + i], info, seen, observed);
    });
    BEDPLATE_TRY(status);
    begin += names.size();
  }
  if (all && seen != nullptr) seen->wholeNs = beganNs;
  return {};
}

}  // namespace

host::Result<trust::Secret> openSealed(Machine& machine, const plan::Target& target, const plan::FileTarget& file) {
  const auto open = [&]() -> host::Result<trust::Secret> {
    if (machine.opener == nullptr) return host::fail("NoSealingKey", "", "is sealed, and nothing here can open it");
    auto content = file.content;
    if (!content) {
      BEDPLATE_TRY_LET(content, Generations(machine.files).content(file.sha256));
    }
    return (*machine.opener)(*content, trust::sealedFor(target.node.cluster, file.file));
  };
  auto secret = open();
  if (secret) return secret;
  host::Error error = std::move(secret).error();
  // A key file that is not in order is why; what failed is the sealed one.
  if (!error.thing.empty()) error.why = error.thing + " " + error.why;
  error.thing = file.file;
  return tl::make_unexpected(std::move(error));
}

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
