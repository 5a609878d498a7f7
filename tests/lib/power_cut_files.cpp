#include "tests/lib/power_cut_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace bedplate::testlib {
namespace {

// As if /etc, our state and K3s's data lay on file systems of their own: a flush of one says nothing about another.
std::string mountOf(const std::string& path) {
  for (const char* mount : {"var/lib/bedplate", "var/lib/rancher", "etc"})
    if (path.compare(0, std::string_view(mount).size(), mount) == 0) return mount;
  return {};
}

}  // namespace

host::Status PowerCutFiles::step(const std::string& path, bool disk) {
  ++changes_;
  if (changes_ == cutAt_) {
    lose();
    ::_exit(kExitStatus);
  }
  const bool failing = failAt_ != 0 && (changes_ == failAt_ || (onwards_ && changes_ > failAt_));
  if (failing && disk) return host::failErrno(errnum_, shown(path), "cannot write");
  return {};
}

std::optional<PowerCutFiles::Saved> PowerCutFiles::save(const std::string& path) {
  const auto info = inner_.info(path);
  if (!info || info->kind != host::FileKind::regular) return std::nullopt;
  return Saved{tree_.read(path), info->mode};
}

void PowerCutFiles::put(const std::string& path, const Saved& saved) {
  tree_.write(path, saved.content);
  ::chmod((tree_.path() + "/" + path).c_str(), saved.mode);
}

void PowerCutFiles::lose() {
  if (loss_ == Loss::contents)
    for (const auto& path : dirty_)
      if (tree_.exists(path)) tree_.write(path, tree_.read(path).substr(0, tree_.read(path).size() / 2));
  if (loss_ != Loss::all) return;
  for (auto undo = undo_.rbegin(); undo != undo_.rend(); ++undo) {
    if (undo->kind == Undo::Kind::created) tree_.remove(undo->path);
    if (undo->kind == Undo::Kind::renamed && tree_.exists(undo->path))
      std::filesystem::rename(tree_.path() + "/" + undo->path, tree_.path() + "/" + undo->from);
    if (undo->saved) put(undo->path, *undo->saved);
  }
}

host::Status PowerCutFiles::makeDirectories(const std::string& path, mode_t mode) {
  if (inner_.info(path)) return inner_.makeDirectories(path, mode);
  BEDPLATE_TRY(step(path, true));
  return inner_.makeDirectories(path, mode);
}

host::Status PowerCutFiles::create(const std::string& path, std::string_view content, mode_t mode, uid_t uid,
                                   gid_t gid) {
  if (changes_ + 1 == cutAt_ && loss_ == Loss::nothing)
    static_cast<void>(inner_.create(path, content.substr(0, content.size() / 2), mode, uid, gid));
  BEDPLATE_TRY(step(path, true));
  BEDPLATE_TRY(inner_.create(path, content, mode, uid, gid));
  undo_.push_back({Undo::Kind::created, path, {}, {}});
  dirty_.insert(path);
  return {};
}

host::Status PowerCutFiles::flush(const std::string& path) {
  BEDPLATE_TRY(step(path, true));
  BEDPLATE_TRY(inner_.flush(path));
  dirty_.erase(path);
  std::erase_if(undo_, [&](const Undo& undo) { return host::parentPath(undo.path) == path; });
  return {};
}

host::Status PowerCutFiles::flushFileSystem(const std::string& path) {
  BEDPLATE_TRY(step(path, true));
  // The real call would flush the machine's disk; what it promises is what counts here.
  const std::string mount = mountOf(path);
  std::erase_if(dirty_, [&](const std::string& file) { return mountOf(file) == mount; });
  std::erase_if(undo_, [&](const Undo& undo) { return mountOf(undo.path) == mount; });
  return {};
}

host::Status PowerCutFiles::rename(const std::string& from, const std::string& to) {
  BEDPLATE_TRY(step(to, true));
  auto saved = save(to);
  BEDPLATE_TRY(inner_.rename(from, to));
  undo_.push_back({Undo::Kind::renamed, to, from, std::move(saved)});
  if (dirty_.erase(from) != 0) dirty_.insert(to);
  return {};
}

host::Status PowerCutFiles::remove(const std::string& path) {
  if (!inner_.info(path)) return inner_.remove(path);
  BEDPLATE_TRY(step(path, false));
  auto saved = save(path);
  BEDPLATE_TRY(inner_.remove(path));
  undo_.push_back({Undo::Kind::removed, path, {}, std::move(saved)});
  dirty_.erase(path);
  return {};
}

host::Status PowerCutFiles::writeValue(const std::string& path, std::string_view value) {
  BEDPLATE_TRY(step(path, false));
  return inner_.writeValue(path, value);
}

}  // namespace bedplate::testlib
