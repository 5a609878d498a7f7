#include "agent/apply/staging.h"

#include <vector>

#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

// From this many files on, one syncfs is cheaper than an fsync each.
constexpr std::size_t kManyFiles = 8;

// K3s makes its directories itself when it comes first; ours have the modes that it gives them.
host::Status makeParents(host::Files& files, plan::Area area, const std::string& parent) {
  if (files.info(parent)) return {};
  if (area == plan::Area::k3sConfig) return files.makeDirectories(parent, 0755);
  BEDPLATE_TRY(files.makeDirectories(host::parentPath(host::paths::k3sServerDir), 0755));
  return files.makeDirectories(parent, 0700);
}

host::Status makeStage(host::Files& files, plan::Area area) {
  const std::string directory = stageDirectory(area);
  BEDPLATE_TRY(makeParents(files, area, host::parentPath(directory)));
  return files.makeDirectories(directory, 0700);
}

}  // namespace

const char* stageDirectory(plan::Area area) {
  return area == plan::Area::k3sConfig ? host::paths::k3sConfigStage : host::paths::k3sManifestStage;
}

Staging::~Staging() {
  for (const auto& [path, file] : staged_)
    if (!file.temp.empty()) static_cast<void>(files_.remove(file.temp));
}

void Staging::add(plan::Area area, const std::string& path, std::shared_ptr<const std::string> content, mode_t mode,
                  uid_t uid, gid_t gid) {
  staged_.insert_or_assign(path, File{area, std::move(content), mode, uid, gid, {}, {}});
}

void Staging::add(plan::Area area, const std::string& path, trust::Secret content, mode_t mode, uid_t uid, gid_t gid) {
  staged_.insert_or_assign(path, File{area, nullptr, mode, uid, gid, {}, std::move(content)});
}

host::Status Staging::stageOne(const std::string& path, File& file, std::size_t index) {
  const std::string parent = host::parentPath(path);
  if (made_.count(parent) == 0) {
    BEDPLATE_TRY(makeStage(files_, file.area));
    BEDPLATE_TRY(makeParents(files_, file.area, parent));
    made_.insert(parent);
  }
  const std::string temp = host::joinPath(stageDirectory(file.area), std::to_string(index));
  const std::string_view content = file.content ? std::string_view(*file.content) : file.secret.view();
  auto made = files_.create(temp, content, file.mode, file.uid, file.gid);
  if (!made && made.error().reason == "Exists") {
    // Left by a crash: what is in the stage was never put in place.
    BEDPLATE_TRY(files_.remove(temp));
    made = files_.create(temp, content, file.mode, file.uid, file.gid);
  }
  file.secret = {};
  if (made) file.temp = temp;
  return made;
}

host::Status Staging::stage(bool lenient) {
  std::map<plan::Area, std::vector<std::string>> temps;
  std::size_t index = 0;
  for (auto& [path, file] : staged_) {
    auto status = stageOne(path, file, index++);
    if (status) {
      temps[file.area].push_back(file.temp);
    } else if (status.error().reason == "NoSpace" && !lenient) {
      host::Error error = std::move(status).error();
      error.todo = "free some space; nothing was changed";
      return tl::make_unexpected(std::move(error));
    } else {
      fail(path, std::move(status).error());
    }
  }
  for (const auto& [area, names] : temps) {
    host::Status flushed;
    if (names.size() >= kManyFiles) {
      flushed = files_.flushFileSystem(stageDirectory(area));
    } else {
      for (std::size_t i = 0; flushed && i < names.size(); ++i) flushed = files_.flush(names[i]);
    }
    if (flushed) continue;
    // Not known to be whole on disk: none of the area may be put in place.
    if (flushed.error().reason == "NoSpace" && !lenient) return flushed;
    for (const auto& [path, file] : staged_)
      if (file.area == area) failures_.emplace(path, flushed.error());
  }
  return {};
}

host::Status Staging::put(const std::string& path) {
  if (const auto failure = failures_.find(path); failure != failures_.end()) return host::Failure(failure->second);
  const auto found = staged_.find(path);
  if (found == staged_.end() || found->second.temp.empty())
    return host::fail("Io", files_.shown(path), "was not staged", "try again");
  auto renamed = files_.rename(found->second.temp, path);
  if (!renamed) {
    host::Error error = std::move(renamed).error();
    error.todo = "move what is there away";
    return tl::make_unexpected(std::move(error));
  }
  found->second.temp.clear();
  places_.insert(host::parentPath(path));
  return {};
}

host::Status Staging::flushPlaces() {
  for (const auto& place : places_) BEDPLATE_TRY(files_.flush(place));
  places_.clear();
  return {};
}

void Staging::sweep(host::Files& files) {
  for (const char* directory : {host::paths::stateStage, host::paths::k3sConfigStage, host::paths::k3sManifestStage}) {
    const auto names = files.list(directory);
    if (!names) continue;
    for (const auto& name : *names) static_cast<void>(files.remove(host::joinPath(directory, name)));
  }
}

}  // namespace bedplate::apply
