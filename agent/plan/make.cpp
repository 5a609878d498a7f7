#include <algorithm>
#include <charconv>
#include <cstddef>
#include <set>

#include "agent/plan/plan.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::plan {
namespace {

constexpr const char* kAbsent = "absent";
constexpr const char* kNextStart = "K3s reads it at its next start";
// What lay in K3s's configuration before may hold a secret, and a hash of it would help to guess it.
constexpr const char* kOriginal = "the original";

std::string shortHash(const std::string& sha256) { return sha256.substr(0, 12); }

// "nodes/web-01 sysctl.d/50-x.conf:3": the layer, then the file within it.
std::string place(const std::string& layer, std::string file, int line) {
  if (file.size() > layer.size() && file.compare(0, layer.size(), layer) == 0 && file[layer.size()] == '/')
    file.erase(0, layer.size() + 1);
  std::string text = layer + " " + file;
  if (line > 0) text += ":" + std::to_string(line);
  return text;
}

bool startsWith(const std::string& text, std::string_view prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

// Why the kernel has no such key, as far as its name tells.
std::string whyMissing(const std::string& key) {
  if (startsWith(key, "net/bridge/")) return "br_netfilter not loaded";
  if (startsWith(key, "net/netfilter/nf_conntrack") || key == "net/nf_conntrack_max") return "nf_conntrack not loaded";
  if (startsWith(key, "net/ipv4/vs/")) return "ip_vs not loaded";
  for (const char* folder : {"net/ipv4/conf/", "net/ipv6/conf/", "net/ipv4/neigh/", "net/ipv6/neigh/"}) {
    if (!startsWith(key, folder)) continue;
    const std::string rest = key.substr(std::string_view(folder).size());
    return "no interface " + rest.substr(0, rest.find('/'));
  }
  return "this kernel has no such key (is its module loaded?)";
}

void planModules(const Target& target, const Observed& observed, Plan& plan) {
  std::set<std::string> done;
  for (const auto& want : target.modules) {
    const auto& entry = want.entry;
    if (!done.insert(entry.name).second) continue;
    const auto seen = observed.modules.find(entry.name);
    if (seen != observed.modules.end() && seen->second) continue;
    plan.changes.push_back(
        {Action::loadModule, entry.name, kAbsent, "loaded", place(want.layer, entry.file, entry.line), ""});
  }
}

// Adds to a note: "lowers it; K3s sets it to 1 at each start".
void addNote(std::string& note, const std::string& more) {
  if (!note.empty()) note += "; ";
  note += more;
}

// Whether each number becomes smaller or stays; a word is no number.
bool lowers(std::string_view from, std::string_view to) {
  bool smaller = false;
  while (!from.empty() && !to.empty()) {
    std::int64_t was = 0, is = 0;
    const auto a = std::from_chars(from.data(), from.data() + from.size(), was);
    const auto b = std::from_chars(to.data(), to.data() + to.size(), is);
    if (a.ec != std::errc() || b.ec != std::errc() || is > was) return false;
    smaller = smaller || is < was;
    from.remove_prefix(static_cast<std::size_t>(a.ptr - from.data()));
    to.remove_prefix(static_cast<std::size_t>(b.ptr - to.data()));
    if (from.empty() != to.empty() || (!from.empty() && (from.front() != ' ' || to.front() != ' '))) return false;
    if (from.empty()) break;
    from.remove_prefix(1);
    to.remove_prefix(1);
  }
  return smaller;
}

void planSysctls(const Target& target, const Observed& observed, Plan& plan) {
  const auto begin = static_cast<std::ptrdiff_t>(plan.changes.size());
  for (const auto& [key, seen] : observed.sysctls) {
    if (seen.value && sysctl::meets(seen.want, *seen.value)) continue;
    std::string from;
    if (seen.value) {
      from = *seen.value;
    } else if (seen.want.tolerant) {
      continue;
    } else if (seen.problem == "NotFound") {
      plan.pending.push_back({key, whyMissing(key)});
      continue;
    } else {
      from = "unreadable";
    }
    std::string where, note = seen.want.problem;
    if (seen.value && lowers(from, seen.want.value)) addNote(note, "lowers it");
    if (seen.want.rule < target.sysctls.size()) {
      const auto& want = target.sysctls[seen.want.rule];
      where = originOf(want);
      const auto over = target.overwritten.find(want.rule.key);
      if (over != target.overwritten.end()) addNote(note, over->second);
    }
    plan.changes.push_back(
        {Action::setSysctl, key, std::move(from), seen.want.value, std::move(where), std::move(note)});
  }
  std::sort(plan.changes.begin() + begin, plan.changes.end(), [](const Change& a, const Change& b) {
    const int one = sysctl::rank(a.subject, a.to);
    const int other = sysctl::rank(b.subject, b.to);
    return one != other ? one < other : a.subject < b.subject;
  });
}

std::string shownOf(const FileSeen& seen) {
  if (seen.sha256.empty()) return "unreadable";
  return shortHash(seen.shown.empty() ? seen.sha256 : seen.shown);
}

// What differs, in the words of a Change: {from, to}, or nullopt when nothing does.
std::optional<std::pair<std::string, std::string>> difference(const FileSeen& seen, const std::string& sha256,
                                                              mode_t mode, uid_t uid, gid_t gid) {
  const auto octal = [](mode_t bits) {
    const char digits[] = {'0', static_cast<char>('0' + (bits >> 6 & 7)), static_cast<char>('0' + (bits >> 3 & 7)),
                           static_cast<char>('0' + (bits & 7)), '\0'};
    return "mode " + std::string(digits);
  };
  if (!seen.present) return std::pair{std::string(kAbsent), shortHash(sha256)};
  if (!seen.regular) return std::pair{std::string("not a regular file"), shortHash(sha256)};
  if (seen.unknown) return std::pair{std::string("not known"), shortHash(sha256)};
  if (seen.sha256 != sha256) return std::pair{shownOf(seen), shortHash(sha256)};
  if (seen.mode != mode) return std::pair{octal(seen.mode), octal(mode)};
  if (seen.uid != uid || seen.gid != gid)
    return std::pair{"owner " + std::to_string(seen.uid) + ":" + std::to_string(seen.gid),
                     "owner " + std::to_string(uid) + ":" + std::to_string(gid)};
  return std::nullopt;
}

std::string noteOn(const FileTarget& file) {
  if (file.sealed) return std::string("sealed; ") + kNextStart;
  if (file.area == Area::k3sConfig) return kNextStart;
  if (file.stage == Stage::tombstone) return "emptied, so that K3s removes its objects";
  if (file.stage == Stage::wanted) return file.again > 0 ? "marked, so that K3s puts its objects right" : "";
  return "as before: " + file.why;
}

void planFiles(const Target& target, const Observed& observed, Area area, Plan& plan) {
  static const FileSeen kNothing;
  auto next = observed.files.begin();  // both are by path
  for (const auto& file : target.files) {
    if (file.area != area) continue;
    while (next != observed.files.end() && next->first < file.path) ++next;
    const bool found = next != observed.files.end() && next->first == file.path;
    const FileSeen& seen = found ? next->second : kNothing;
    auto differs = difference(seen, file.sha256, file.mode, observed.uid, observed.gid);
    if (!differs) continue;
    plan.changes.push_back({Action::writeFile, file.path, std::move(differs->first), std::move(differs->second),
                            place(file.layer, file.file, 0), noteOn(file)});
  }
}

void giveSysctlsBack(const Observed& observed, const Held& held, Plan& plan) {
  for (const auto& [key, value] : observed.formerSysctls) {
    const auto original = held.sysctls.find(key);
    if (original == held.sysctls.end() || !value) continue;  // what is gone needs nothing back
    const SysctlOriginal& was = original->second;
    Change change{Action::releaseSysctl, key, *value, *value, "", ""};
    if (sysctl::claimedByK3s(key)) {
      change.note = "K3s and the kubelet set it too, so it is left as it is";
    } else if (was.bootId != observed.bootId) {
      change.note = "no longer set at boot: the kernel's default stands after the next one";
    } else if (was.value == *value) {
      change.note = "as it was before";
    } else {
      change.action = Action::restoreSysctl;
      change.to = was.value;
    }
    plan.changes.push_back(std::move(change));
  }
}

using HeldFile = std::map<std::string, FileOriginal>::const_iterator;

// Held files that the target does not have; both are by path.
std::vector<HeldFile> formerFiles(const Target& target, const Held& held) {
  std::vector<HeldFile> former;
  auto wanted = target.files.begin();
  for (auto file = held.files.begin(); file != held.files.end(); ++file) {
    while (wanted != target.files.end() && wanted->path < file->first) ++wanted;
    if (wanted == target.files.end() || wanted->path != file->first) former.push_back(file);
  }
  return former;
}

void giveFilesBack(const Target& target, const std::vector<HeldFile>& former, const Observed& observed, Area area,
                   Plan& plan) {
  for (const auto& file : former) {
    const auto& [path, original] = *file;
    if (original.area != area) continue;
    const auto found = observed.files.find(path);
    if (found == observed.files.end()) continue;
    const FileSeen& seen = found->second;
    // What K3s has emptied is not brought back, also where it was there before us.
    const bool buried = std::binary_search(target.buried.begin(), target.buried.end(), path);
    const char* note = area == Area::k3sConfig ? kNextStart
                       : buried                ? "K3s has removed its objects"
                                               : "its objects stay in the cluster";
    if (original.existed && !buried) {
      auto differs = difference(seen, original.sha256, original.mode, original.uid, original.gid);
      if (differs && area == Area::k3sConfig && seen.sha256 != original.sha256) differs->second = kOriginal;
      if (differs)
        plan.changes.push_back(
            {Action::restoreFile, path, std::move(differs->first), std::move(differs->second), "", note});
    } else if (seen.present) {
      std::string from = seen.regular ? shownOf(seen) : "not a regular file";
      plan.changes.push_back({Action::removeFile, path, std::move(from), kAbsent, "", note});
    }
  }
}

}  // namespace

std::string originOf(const cluster::SysctlWant& want) {
  const auto& rule = want.rule;
  std::string where = place(want.layer, rule.file, rule.line);
  switch (rule.source) {
    case sysctl::Source::profile: return "profile " + where;
    case sysctl::Source::sizing:
      return std::string("sizing ") + (startsWith(rule.key, "fs/inotify/") ? "inotify " : "conntrack ") + where;
    case sysctl::Source::floor: return "floors " + where;
    case sysctl::Source::file: break;
  }
  return where;
}

Plan make(const Target& target, const Observed& observed, const Held& held) {
  Plan plan;
  planModules(target, observed, plan);
  planSysctls(target, observed, plan);
  planFiles(target, observed, Area::k3sConfig, plan);
  planFiles(target, observed, Area::manifest, plan);

  giveSysctlsBack(observed, held, plan);
  const auto former = formerFiles(target, held);
  giveFilesBack(target, former, observed, Area::k3sConfig, plan);
  giveFilesBack(target, former, observed, Area::manifest, plan);
  return plan;
}

}  // namespace bedplate::plan
