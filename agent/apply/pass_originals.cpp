// What was there before, made durable before the first write to it: a part of Pass.
#include "agent/apply/pass.h"
#include "tuning/host/paths.h"
#include "tuning/host/wiped.h"

namespace bedplate::apply {

host::Status Pass::keepContent(const std::string& path, plan::FileOriginal& original) {
  auto& files = machine_.files;
  BEDPLATE_TRY_LET(std::string content, files.read(path, 16 << 20));
  const host::Wiped wiped(content);
  original.sha256 = plan::sha256(content);
  const std::string kept = host::joinPath(host::paths::originals, original.sha256);
  if (files.info(kept)) return {};
  BEDPLATE_TRY(files.makeDirectories(host::paths::originals, 0700));
  return host::replaceFiles(files, host::paths::stateStage, {{kept, content, 0600, seen_.uid, seen_.gid}});
}

void Pass::takeFile(const plan::FileTarget& file, plan::Held& take) {
  const plan::FileSeen& seen = seen_.files.at(file.path);
  plan::FileOriginal original;
  original.area = file.area;
  if (seen.present && !seen.regular) return;  // put() says what is in the way
  // What a sealed file holds lies nowhere else than in its place; where it lies there already, it was ours.
  const bool ours = file.sealed && seen.sha256 == file.sha256;
  if (seen.present && !ours) {
    original.existed = true;
    original.mode = seen.mode;
    original.uid = seen.uid;
    original.gid = seen.gid;
    if (auto kept = keepContent(file.path, original); !kept) {
      blocked_[file.path] = std::move(kept).error();
      return;
    }
  }
  take.files.emplace(file.path, std::move(original));
}

plan::Held Pass::originalsToTake() {
  plan::Held take;
  for (const auto& [key, seen] : seen_.sysctls)
    if (seen.value && held_->sysctls.count(key) == 0) take.sysctls[key] = {*seen.value, seen_.bootId};
  for (const auto& file : target_.files)
    if (held_->files.count(file.path) == 0) takeFile(file, take);
  return take;
}

host::Status Pass::takeOriginals() {
  const plan::Held take = originalsToTake();
  if (auto taken = store_.take(take); !taken) {
    for (const auto& [key, original] : take.sysctls) blocked_.insert_or_assign(key, taken.error());
    for (const auto& [path, original] : take.files) blocked_.insert_or_assign(path, taken.error());
    return taken;
  }
  if (take.sysctls.empty() && take.files.empty()) return {};
  BEDPLATE_TRY_LET(held_, store_.sharedHeld());
  return {};
}

}  // namespace bedplate::apply
