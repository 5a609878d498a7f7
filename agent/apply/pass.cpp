#include "agent/apply/pass.h"

#include <algorithm>

#include "agent/apply/group.h"
#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

using plan::Action;
using plan::Area;

// Interfaces come and go with the pods; what is held of those that are gone is forgotten from this many on.
constexpr std::size_t kManyGone = 64;

bool isFileAction(Action action) {
  return action == Action::writeFile || action == Action::restoreFile || action == Action::removeFile;
}

bool ofInterface(const std::string& key) {
  for (const std::string_view folder : {"net/ipv4/conf/", "net/ipv6/conf/", "net/ipv4/neigh/", "net/ipv6/neigh/"})
    if (key.compare(0, folder.size(), folder) == 0) return true;
  return false;
}

}  // namespace

host::Status Pass::look(bool otherBoot) {
  BEDPLATE_TRY_LET(held_, store_.sharedHeld());
  BEDPLATE_TRY_LET(seen_, observe(machine_, target_, *held_, &known_));
  if (otherBoot) {
    auto ofThisBoot = std::make_shared<plan::Held>(*held_);
    for (auto& [key, original] : ofThisBoot->sysctls) original.bootId = seen_.bootId;
    held_ = std::move(ofThisBoot);
  }
  plan_ = plan::make(target_, seen_, *held_);
  if (store_.notes().parked)
    leaveOut([&](const plan::Change& change) {
      return change.action == Action::writeFile && areaOf(change.subject) == Area::manifest;
    });
  return {};
}

void Pass::keepFiles() {
  keepFiles_ = true;
  leaveOut([](const plan::Change& change) { return isFileAction(change.action); });
}

void Pass::defer(const Outcome& last) {
  const std::string& subject = last.change.subject;
  leaveOut([&](const plan::Change& change) { return change.subject == subject; });
  unsettled_[subject] = last.error ? last.error->reason + ": " + last.error->why : last.change.note;
  if (isCutOff(last.error) || isUnchecked(last.error)) undone_.insert(subject);
  outcomes_.push_back(last);
}

bool Pass::idle() const {
  if (store_.notes().groupOpen || !plan_.changes.empty() || !keysToDrop().empty() || !pathsToDrop().empty())
    return false;
  for (const auto& [key, seen] : seen_.sysctls)
    if (seen.value && held_->sysctls.count(key) == 0) return false;
  // Both are by path.
  auto held = held_->files.begin();
  for (const auto& file : target_.files) {
    while (held != held_->files.end() && held->first < file.path) ++held;
    if (held == held_->files.end() || held->first != file.path) return false;
  }
  return true;
}

const plan::FileTarget* Pass::wanted(const std::string& path) const {
  const auto found = std::lower_bound(target_.files.begin(), target_.files.end(), path,
                                      [](const auto& file, const std::string& name) { return file.path < name; });
  return found != target_.files.end() && found->path == path ? &*found : nullptr;
}

Area Pass::areaOf(const std::string& path) const {
  if (const auto* file = wanted(path)) return file->area;
  const auto found = held_->files.find(path);
  return found == held_->files.end() ? Area::manifest : found->second.area;
}

// --- prepare ---------------------------------------------------------------------------------------------------------

void Pass::stageWrite(const std::string& path) {
  const plan::FileTarget* file = wanted(path);
  if (file == nullptr) return;
  // Nothing is written that cannot be put in place.
  if (auto way = inTheWay(path); !way) return staging_.fail(path, std::move(way).error());
  if (file->sealed) {
    auto secret = openSealed(machine_, target_, *file);
    if (!secret) return staging_.fail(path, std::move(secret).error());
    return staging_.add(file->area, path, std::move(*secret), file->mode, seen_.uid, seen_.gid);
  }
  auto content = file->content;
  if (!content) {
    auto read = generations_.content(file->sha256);
    if (!read) return staging_.fail(path, std::move(read).error());
    content = std::move(*read);
  }
  staging_.add(file->area, path, std::move(content), file->mode, seen_.uid, seen_.gid);
}

// A directory is never replaced; a link or the like only where one of ours was.
host::Status Pass::inTheWay(const std::string& path) const {
  const plan::FileSeen& seen = seen_.files.at(path);
  if (!seen.present || seen.regular) return {};
  const auto info = machine_.files.info(path);
  const bool directory = info && info->kind == host::FileKind::directory;
  if (!directory && held_->files.count(path) != 0) return {};
  return host::fail("NotAFile", machine_.files.shown(path), directory ? "is a directory" : "is not a regular file",
                    "move it away, then it is written");
}

void Pass::stageRestore(const std::string& path) {
  if (auto way = inTheWay(path); !way) return staging_.fail(path, std::move(way).error());
  const auto& original = held_->files.at(path);
  const std::string kept = host::joinPath(host::paths::originals, original.sha256);
  auto content = machine_.files.read(kept, 16 << 20);
  if (!content) return staging_.fail(path, std::move(content).error());
  if (plan::sha256(*content) != original.sha256)
    return staging_.fail(path, host::Error{"Corrupt", 0, machine_.files.shown(kept), "is not what its name says",
                                           "bring it back from a backup"});
  staging_.add(original.area, path, std::make_shared<const std::string>(std::move(*content)), original.mode,
               original.uid, original.gid);
}

host::Status Pass::prepare(bool lenient) {
  for (const auto& change : plan_.changes) {
    if (change.action == Action::writeFile) stageWrite(change.subject);
    if (change.action == Action::restoreFile) stageRestore(change.subject);
  }
  return staging_.stage(lenient);
}

// --- execute ---------------------------------------------------------------------------------------------------------

void Pass::note(plan::Change change, const Status& status) {
  Outcome outcome{std::move(change), std::nullopt};
  auto& tried = store_.notes().tried;
  if (status) {
    tried.erase(outcome.change.subject);
  } else {
    tried[outcome.change.subject] = machine_.clock.monotonicNs();
    const auto seen = seen_.sysctls.find(outcome.change.subject);
    const bool tolerated =
        outcome.change.action == Action::setSysctl && seen != seen_.sysctls.end() && seen->second.want.tolerant;
    unsettled_[outcome.change.subject] = status.error().reason + ": " + status.error().why;
    if (tolerated)
      outcome.change.note = "tolerated: " + status.error().why;
    else
      outcome.error = status.error();
  }
  outcomes_.push_back(std::move(outcome));
}

void Pass::loadModules() {
  bool loaded = false;
  for (const auto& change : plan_.changes) {
    if (change.action != Action::loadModule) continue;
    const auto status = machine_.modules.load(change.subject);
    loaded = loaded || status.has_value();
    if (status) seen_.modules[change.subject] = true;
    note(change, status);
  }
  if (loaded) lookAgain();
}

// A module brings keys: they are looked at now, and their originals are taken like any other.
void Pass::lookAgain() {
  plan::Target sysctls;
  sysctls.sysctls = target_.sysctls;
  plan::Held noFiles;
  noFiles.sysctls = held_->sysctls;
  auto seen = observe(machine_, sysctls, noFiles);
  if (!seen) return;  // the next run sees them
  const plan::Plan fresh = plan::make(sysctls, *seen, noFiles);
  std::set<std::string> appeared;
  for (auto& [key, value] : seen->sysctls) {
    const auto before = seen_.sysctls.find(key);
    if (before != seen_.sysctls.end() && before->second.value) continue;
    appeared.insert(key);
    seen_.sysctls.insert_or_assign(key, value);
  }
  // Only these: what was left out of the plan stays out.
  std::vector<plan::Change> added;
  for (const auto& change : fresh.changes)
    if (change.action == Action::setSysctl && appeared.count(change.subject) != 0) added.push_back(change);
  leaveOut([&](const plan::Change& change) { return appeared.count(change.subject) != 0; });
  const auto firstAfter = std::find_if(plan_.changes.begin(), plan_.changes.end(), [](const plan::Change& change) {
    return change.action != Action::loadModule && change.action != Action::setSysctl;
  });
  plan_.changes.insert(firstAfter, added.begin(), added.end());
  plan_.pending = fresh.pending;
  static_cast<void>(takeOriginals());  // where it fails, the changes do
}

host::Status Pass::set(const plan::Change& change) {
  if (const auto blocked = blocked_.find(change.subject); blocked != blocked_.end())
    return host::Failure(blocked->second);
  if (held_->sysctls.count(change.subject) == 0)
    return host::fail("Denied", sysctl::dotted(change.subject), "cannot be read, so its original cannot be kept",
                      "leave the key out of Git");
  if (const auto& problem = seen_.sysctls.at(change.subject).want.problem; !problem.empty())
    return host::fail("Invalid", sysctl::dotted(change.subject), problem, "set the whole value in sysctl.d instead");
  return sysctl::Tree(machine_.files).write(change.subject, change.to);
}

host::Status Pass::remove(const std::string& path) {
  const auto info = machine_.files.info(path);
  if (!info && info.error().reason == "NotFound") return {};
  if (!info) return host::Failure(info.error());
  if (info->kind == host::FileKind::directory)
    return host::fail("NotAFile", machine_.files.shown(path), "is a directory by now", "remove it by hand");
  BEDPLATE_TRY(machine_.files.remove(path));
  places_.push_back(host::parentPath(path));
  return {};
}

void Pass::run(const plan::Change& change) {
  const auto blocked = blocked_.find(change.subject);
  // The watch tells of it a moment later, which may be too late for the next look.
  if (isFileAction(change.action)) known_.byPath.erase(change.subject);
  switch (change.action) {
    case Action::setSysctl: return note(change, set(change));
    case Action::restoreSysctl: return note(change, sysctl::Tree(machine_.files).write(change.subject, change.to));
    case Action::writeFile:
      return note(change, blocked == blocked_.end() ? staging_.put(change.subject)
                                                    : host::Status(host::Failure(blocked->second)));
    case Action::restoreFile: return note(change, staging_.put(change.subject));
    case Action::removeFile: return note(change, remove(change.subject));
    case Action::loadModule:
    case Action::releaseSysctl: return note(change, {});
  }
}

void Pass::runAll(Action action) {
  for (const auto& change : plan_.changes)
    if (change.action == action && !ofGroup(change)) run(change);
}

// What was put in place counts only when its directory is on disk.
void Pass::flushed(std::size_t from) {
  std::sort(places_.begin(), places_.end());
  places_.erase(std::unique(places_.begin(), places_.end()), places_.end());
  host::Status status = staging_.flushPlaces();
  for (const auto& place : places_)
    if (status) status = machine_.files.flush(place);
  places_.clear();
  if (status) return;
  for (std::size_t i = from; i < outcomes_.size(); ++i) {
    if (outcomes_[i].error) continue;
    outcomes_[i].error = status.error();
    unsettled_[outcomes_[i].change.subject] = status.error().reason + ": " + status.error().why;
  }
}

void Pass::runFiles(Action action, Area area) {
  const std::size_t from = outcomes_.size();
  for (const auto& change : plan_.changes)
    if (change.action == action && areaOf(change.subject) == area) run(change);
  if (outcomes_.size() > from) flushed(from);
}

void Pass::execute() {
  loadModules();
  setSysctls();
  runFiles(Action::writeFile, Area::k3sConfig);
  runFiles(Action::writeFile, Area::manifest);
  runAll(Action::restoreSysctl);
  runAll(Action::releaseSysctl);
  for (const Area area : {Area::k3sConfig, Area::manifest}) {
    runFiles(Action::restoreFile, area);
    runFiles(Action::removeFile, area);
  }
}

// --- settle ----------------------------------------------------------------------------------------------------------

bool Pass::byGlob(const plan::Change& change) const {
  const auto seen = seen_.sysctls.find(change.subject);
  return seen != seen_.sysctls.end() && seen->second.want.rule < target_.sysctls.size() &&
         target_.sysctls[seen->second.want.rule].rule.isGlob();
}

bool Pass::heldAtBoot(const plan::Change& change) {
  const auto seen = seen_.sysctls.find(change.subject);
  if (seen == seen_.sysctls.end() || seen->second.want.rule >= target_.sysctls.size()) return false;
  return inBootSysctl(machine_.files, target_.sysctls[seen->second.want.rule].rule.key, change.to);
}

host::Status Pass::writeBoot() {
  Holding holding;
  holding.undone = undone_;
  std::set<std::string> set;
  for (const auto& outcome : outcomes_) {
    const auto& subject = outcome.change.subject;
    if (unsettled_.count(subject) == 0) set.insert(subject);
  }
  for (const auto& [key, seen] : seen_.sysctls) {
    if (unsettled_.count(key) != 0)
      holding.failed.insert(key);
    else if ((seen.value && sysctl::meets(seen.want, *seen.value)) || set.count(key) != 0)
      holding.held.insert(key);
  }
  for (const auto& [module, loaded] : seen_.modules) (loaded ? holding.held : holding.failed).insert(module);
  return writeBootFiles(machine_.files, target_, seen_, holding);
}

std::vector<std::string> Pass::keysToDrop() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : seen_.formerSysctls)
    if (unsettled_.count(key) == 0) keys.push_back(key);
  std::vector<std::string> gone;
  for (const auto& [key, original] : held_->sysctls)
    if (seen_.sysctls.count(key) == 0 && seen_.formerSysctls.count(key) == 0 && ofInterface(key)) gone.push_back(key);
  if (gone.size() >= kManyGone) keys.insert(keys.end(), gone.begin(), gone.end());
  return keys;
}

std::vector<std::string> Pass::pathsToDrop() const {
  std::vector<std::string> paths;
  auto file = target_.files.begin();
  for (const auto& [path, original] : held_->files) {
    while (file != target_.files.end() && file->path < path) ++file;
    const bool asked = file != target_.files.end() && file->path == path;
    if (!asked && unsettled_.count(path) == 0) paths.push_back(path);
  }
  return paths;
}

host::Status Pass::settle() {
  const auto keys = keysToDrop();
  const auto paths = pathsToDrop();
  if (keys.empty() && paths.empty()) return {};
  BEDPLATE_TRY(store_.drop(keys, paths));
  std::set<std::string> gone;
  for (const auto& path : paths)
    if (const auto& original = held_->files.at(path); original.existed && !keepFiles_) gone.insert(original.sha256);
  BEDPLATE_TRY_LET(held_, store_.sharedHeld());
  for (const auto& [path, original] : held_->files) gone.erase(original.sha256);
  // The content is back in its place; the copy goes after the line that names it.
  for (const auto& sha256 : gone)
    static_cast<void>(machine_.files.remove(host::joinPath(host::paths::originals, sha256)));
  return {};
}

}  // namespace bedplate::apply
