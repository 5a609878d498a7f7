#include "agent/apply/glance.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

constexpr std::size_t kLongestValue = 64 << 10;
// More than these is a change that deserves a whole look.
constexpr std::size_t kMostFresh = 32;
constexpr std::size_t kMaxFile = 16 << 20;
// As in observe.cpp.
constexpr std::int64_t kSettledNs = 2'000'000'000;

ssize_t readAt(int fd, std::string& buffer) {
  for (;;) {
    const ssize_t n = ::pread(fd, buffer.data(), buffer.size(), 0);
    if (n >= 0 || errno != EINTR) return n;
  }
}

// The watch on the keys takes one each as well.
bool enoughDescriptors(std::size_t keys) {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && keys < limit.rlim_cur / 4;
}

}  // namespace

bool Glance::keepKey(Machine& machine, const std::string& key, const plan::SysctlSeen& seen) {
  const std::string path = host::joinPath(host::paths::procSys, key);
  if (!seen.value) {
    absent_.push_back(path);
    return seen.problem == "NotFound";
  }
  auto fd = machine.host.openAt(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd) return false;
  std::string raw(seen.value->size() + 256, '\0');
  if (raw.size() > kLongestValue) return false;
  const ssize_t n = readAt(fd->get(), raw);
  if (n <= 0 || static_cast<std::size_t>(n) == raw.size()) return false;
  raw.resize(static_cast<std::size_t>(n));
  if (sysctl::normaliseValue(raw) != *seen.value) return false;
  if (buffer_.size() < raw.size() + 1) buffer_.resize(raw.size() + 1);
  keys_.push_back({std::move(*fd), std::move(raw)});
  return true;
}

bool Glance::keepFile(const std::string& path, const SeenFiles& files) {
  const auto known = files.byPath.find(path);
  if (known == files.byPath.end()) return false;
  const std::string directory = host::parentPath(path);
  if (directories_.empty() || directories_.back().path != directory) directories_.push_back({directory, {}, {}});
  directories_.back().names.push_back(directory.empty() ? path : path.substr(directory.size() + 1));
  directories_.back().infos.push_back(known->second.info);
  return true;
}

std::unique_ptr<Glance> Glance::make(Machine& machine, const plan::Target& target, const plan::Observed& seen,
                                     const plan::Held& held, const SeenFiles& files, bool enforce) {
  if (!seen.formerSysctls.empty() || !enoughDescriptors(seen.sysctls.size())) return nullptr;
  auto glance = std::make_unique<Glance>();
  glance->madeNs_ = machine.clock.monotonicNs();
  glance->enforce_ = enforce;
  glance->round_ = files.round;
  for (const auto& want : target.sysctls) glance->globs_ = glance->globs_ || want.rule.isGlob();
  glance->keys_.reserve(seen.sysctls.size());
  for (const auto& [key, value] : seen.sysctls)
    if (!glance->keepKey(machine, key, value)) return nullptr;
  for (const auto& [module, loaded] : seen.modules) {
    if (!loaded) return nullptr;
    glance->modules_.push_back(module);
  }
  if (held.files.size() != target.files.size()) return nullptr;
  for (const auto& file : target.files)
    if (!glance->keepFile(file.path, files)) return nullptr;
  if (!glance->keepBootFiles(machine)) return nullptr;
  return glance;
}

bool Glance::keepBootFiles(Machine& machine) {
  singles_.clear();
  for (const char* path : {host::paths::bootSysctl, host::paths::bootModules}) {
    const auto info = machine.files.info(path);
    if (!info && info.error().reason != "NotFound") return false;
    singles_.push_back({path, info.has_value(), info.value_or(host::FileInfo{})});
  }
  return true;
}

host::FileInfo* Glance::find(const std::string& path) {
  const std::string parent = host::parentPath(path);
  const std::string_view name = std::string_view(path).substr(parent.empty() ? 0 : parent.size() + 1);
  for (auto& directory : directories_) {
    if (directory.path != parent) continue;
    const auto found = std::lower_bound(directory.names.begin(), directory.names.end(), name);
    if (found == directory.names.end() || *found != name) continue;
    return &directory.infos[static_cast<std::size_t>(found - directory.names.begin())];
  }
  return nullptr;
}

bool Glance::carry(Machine& machine, Store& store, const plan::Target& target, const std::vector<std::string>& put) {
  if (put.size() > kMostFresh || !store.notes().unsettled.empty() || store.sharedHeld().value_or(nullptr) != held_ ||
      !keepBootFiles(machine))
    return false;
  for (const auto& path : put) {
    const auto wanted = std::lower_bound(target.files.begin(), target.files.end(), path,
                                         [](const auto& file, const std::string& name) { return file.path < name; });
    host::FileInfo* info = find(path);
    const auto now = machine.files.info(path);
    if (info == nullptr || wanted == target.files.end() || wanted->path != path || wanted->sealed || !now ||
        now->kind != host::FileKind::regular || now->mode != wanted->mode || now->uid != ::geteuid() ||
        now->gid != ::getegid())
      return false;
    *info = *now;
    std::erase_if(fresh_, [&](const Fresh& fresh) { return fresh.path == path; });
    fresh_.push_back({path, wanted->sha256});
  }
  number_ = store.notes().number;
  return fresh_.size() <= kMostFresh;
}

void Glance::remember(Store& store, std::vector<plan::Pending> pending) {
  number_ = store.notes().number;
  held_ = store.sharedHeld().value_or(nullptr);
  pending_ = std::move(pending);
}

bool Glance::of(Store& store) const {
  const Notes& notes = store.notes();
  return notes.settled && notes.number == number_ && notes.unsettled.empty() && held_ != nullptr &&
         store.sharedHeld().value_or(nullptr) == held_;
}

bool Glance::sameKeys(Machine& machine) {
  for (const auto& key : keys_) {
    const ssize_t n = readAt(key.fd.get(), buffer_);
    if (n < 0 || std::string_view(buffer_.data(), static_cast<std::size_t>(n)) != key.raw) return false;
  }
  for (const auto& path : absent_)
    if (machine.files.info(path)) return false;
  for (const auto& module : modules_)
    if (!modules::loaded(machine.files, module)) return false;
  return true;
}

bool Glance::sameFiles(Machine& machine) const {
  bool same = true;
  std::vector<std::string_view> names;
  for (const auto& directory : directories_) {
    names.assign(directory.names.begin(), directory.names.end());
    machine.files.infos(directory.path, names, [&](std::size_t i, const host::Result<host::FileInfo>& info) {
      same = same && info && *info == directory.infos[i];
    });
    if (!same) return false;
  }
  return true;
}

bool Glance::sameBootFiles(Machine& machine) const {
  for (const auto& single : singles_) {
    const auto info = machine.files.info(single.path);
    if (info.has_value() != single.present || (info && *info != single.info)) return false;
  }
  return true;
}

bool Glance::sameTouched(Machine& machine) {
  return std::all_of(touched_.begin(), touched_.end(), [&](const std::string& path) {
    const host::FileInfo* was = find(path);
    const auto now = machine.files.info(path);
    return was != nullptr && now && *now == *was;
  });
}

bool Glance::sameFresh(Machine& machine) {
  const std::int64_t nowNs = machine.clock.wallUs() * 1000;
  for (const auto& fresh : fresh_) {
    const auto content = machine.files.read(fresh.path, kMaxFile);
    if (!content || plan::sha256(*content) != fresh.sha256) return false;
  }
  // Looked at after they were settled: from now on the times tell.
  std::erase_if(fresh_, [&](const Fresh& fresh) { return find(fresh.path)->changedNs + kSettledNs < nowNs; });
  return true;
}

bool Glance::same(Machine& machine, bool enforce, SeenFiles& files) {
  const std::int64_t now = machine.clock.monotonicNs();
  if (enforce != enforce_ || now - madeNs_ >= kValidNs || !sameKeys(machine) || !sameBootFiles(machine)) return false;
  const bool still = files.still(round_, now);
  if (!(still ? sameTouched(machine) : sameFiles(machine)) || !sameFresh(machine)) return false;
  touched_.clear();
  if (still) return true;
  round_ = files.round;
  files.wholeNs = now;
  return true;
}

}  // namespace bedplate::apply
