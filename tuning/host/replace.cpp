// Atomic replacement of files: stage, flush, rename, flush the directories.
#include <set>

#include "tuning/host/files.h"

namespace bedplate::host {
namespace {

// From this many files on, one syncfs is cheaper than an fsync each, also where others have dirty pages.
constexpr std::size_t kManyFiles = 8;

std::string stagedBeside(const std::string& path) {
  const std::string directory = parentPath(path);
  return joinPath(directory, "." + path.substr(directory.empty() ? 0 : directory.size() + 1) + ".bedplate");
}

Status flushStaged(Files& files, const std::vector<std::string>& staged, const std::string& stageDir) {
  if (staged.size() >= kManyFiles) return files.flushFileSystem(stageDir);
  for (const auto& path : staged) BEDPLATE_TRY(files.flush(path));
  return {};
}

Status stageOne(Files& files, const std::string& temp, const Replacement& wanted, mode_t directoryMode) {
  BEDPLATE_TRY(files.makeDirectories(parentPath(wanted.path), directoryMode));
  Status made = files.create(temp, wanted.content, wanted.mode, wanted.uid, wanted.gid);
  if (made || made.error().reason != "Exists") return made;
  // Left by a crash: what is in the stage was never put in place.
  BEDPLATE_TRY(files.remove(temp));
  return files.create(temp, wanted.content, wanted.mode, wanted.uid, wanted.gid);
}

Status putInPlace(Files& files, const std::vector<Replacement>& replacements, const std::vector<std::string>& staged,
                  std::size_t* done) {
  std::set<std::string> directories;
  for (std::size_t i = 0; i < replacements.size(); ++i) {
    BEDPLATE_TRY(files.rename(staged[i], replacements[i].path));
    directories.insert(parentPath(replacements[i].path));
    if (done != nullptr) *done = i + 1;
  }
  for (const auto& directory : directories) BEDPLATE_TRY(files.flush(directory));
  return {};
}

Status replaceStaged(Files& files, const std::vector<Replacement>& replacements, const std::vector<std::string>& temps,
                     const std::string& stageDir, mode_t directoryMode, std::size_t* done) {
  std::size_t renamed = 0;
  if (done != nullptr) *done = 0;
  Status status;
  std::size_t made = 0;
  for (; status && made < temps.size(); ++made)
    status = stageOne(files, temps[made], replacements[made], directoryMode);
  if (status) status = flushStaged(files, temps, stageDir);
  if (status) status = putInPlace(files, replacements, temps, &renamed);
  if (done != nullptr) *done = renamed;
  if (!status)
    for (std::size_t i = renamed; i < made; ++i) static_cast<void>(files.remove(temps[i]));
  return status;
}

}  // namespace

Status replaceFiles(Files& files, const std::string& stageDir, const std::vector<Replacement>& replacements,
                    mode_t directoryMode, std::size_t* done) {
  if (replacements.empty()) return {};
  BEDPLATE_TRY(files.makeDirectories(stageDir, 0700));
  std::vector<std::string> temps;
  temps.reserve(replacements.size());
  for (std::size_t i = 0; i < replacements.size(); ++i) temps.push_back(joinPath(stageDir, std::to_string(i)));
  return replaceStaged(files, replacements, temps, stageDir, directoryMode, done);
}

Status replaceFile(Files& files, const Replacement& replacement, mode_t directoryMode) {
  return replaceStaged(files, {replacement}, {stagedBeside(replacement.path)}, parentPath(replacement.path),
                       directoryMode, nullptr);
}

void sweepReplaced(Files& files, const std::string& path) {
  const std::string temp = stagedBeside(path);
  if (files.info(temp)) static_cast<void>(files.remove(temp));
}

}  // namespace bedplate::host
