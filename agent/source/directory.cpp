// A cluster directory on disk, read as if it had been committed.
#include <algorithm>
#include <cerrno>

#include "agent/source/names.h"
#include "agent/source/source.h"
#include "agent/source/text.h"

namespace bedplate::source {
namespace {

constexpr std::size_t kIdSize = 20;  // ids as a SHA-1 repository would give them
constexpr mode_t kExecutable = 0100;

struct Entry {
  std::string mode;
  std::string name;
  ObjectId id;
};

ObjectId treeOf(std::vector<Entry> entries) {
  const auto key = [](const Entry& entry) { return entry.mode == "40000" ? entry.name + "/" : entry.name; };
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) { return key(a) < key(b); });
  std::string raw;
  for (const auto& entry : entries) {
    raw += entry.mode + " " + entry.name;
    raw.push_back('\0');
    raw += entry.id.bytes();
  }
  return hashObject(ObjectType::tree, raw, kIdSize);
}

class Walk {
 public:
  Walk(host::Files& files, std::string root, const Limits& limits, std::vector<Refusal>& refusals)
      : files_(files), root_(std::move(root)), limits_(limits), refusals_(refusals), budget_(limits, refusals) {}

  // The id of the tree; nullopt for a directory without files, which Git would not have.
  host::Result<std::optional<ObjectId>> readBelow(const std::string& path, std::size_t depth);
  std::vector<File> taken;

 private:
  host::Result<std::optional<Entry>> readEntry(const std::string& path, const std::string& name, std::size_t depth);
  host::Result<std::optional<Entry>> readFile(const std::string& path, const std::string& name,
                                              const host::FileInfo& info);
  void refuse(const std::string& path, std::string why) { refusals_.push_back({shownPath(path), std::move(why)}); }

  host::Files& files_;
  std::string root_;
  const Limits& limits_;
  std::vector<Refusal>& refusals_;
  Budget budget_;
};

host::Result<std::optional<Entry>> Walk::readFile(const std::string& path, const std::string& name,
                                                  const host::FileInfo& info) {
  auto content = files_.read(host::joinPath(root_, path), limits_.fileBytes);
  if (!content && content.error().reason == "TooLarge") {
    refuse(path, "it is larger than " + sizeText(limits_.fileBytes));
    return std::nullopt;
  }
  BEDPLATE_TRY_LET(std::string bytes, std::move(content));
  if (!budget_.takeBytes(path, bytes.size())) return std::nullopt;
  const ObjectId id = hashObject(ObjectType::blob, bytes, kIdSize);
  taken.push_back({path, id, std::make_shared<const std::string>(std::move(bytes))});
  return Entry{(info.mode & kExecutable) != 0 ? "100755" : "100644", name, id};
}

host::Result<std::optional<Entry>> Walk::readEntry(const std::string& path, const std::string& name,
                                                   std::size_t depth) {
  BEDPLATE_TRY_LET(const auto info, files_.info(host::joinPath(root_, path)));
  std::string why = whyRefusedName(name);
  if (why.empty() && info.kind == host::FileKind::symlink) why = whyRefusedMode(kModeLink);
  if (why.empty() && info.kind == host::FileKind::other) why = "it is neither a file nor a directory";
  if (why.empty() && info.kind == host::FileKind::directory && depth >= limits_.depth)
    why = "it is deeper than " + std::to_string(limits_.depth) + " directories";
  if (!why.empty()) {
    refuse(path, std::move(why));
    return std::nullopt;
  }
  if (!budget_.takeEntry(path)) return std::nullopt;
  if (info.kind == host::FileKind::regular) return readFile(path, name, info);
  BEDPLATE_TRY_LET(const auto tree, readBelow(path, depth + 1));
  if (!tree) return std::nullopt;
  return Entry{"40000", name, *tree};
}

host::Result<std::optional<ObjectId>> Walk::readBelow(const std::string& path, std::size_t depth) {
  auto listed = files_.list(host::joinPath(root_, path), limits_.entriesPerDirectory);
  if (!listed && listed.error().reason == "TooLarge") {
    refuse(path.empty() ? "." : path, "it has more than " + std::to_string(limits_.entriesPerDirectory) + " entries");
    return std::nullopt;
  }
  BEDPLATE_TRY_LET(const auto names, std::move(listed));
  std::vector<Entry> entries;
  for (const auto& name : names) {
    if (name == ".git") continue;
    BEDPLATE_TRY_LET(auto entry, readEntry(host::joinPath(path, name), name, depth));
    if (entry) entries.push_back(std::move(*entry));
    if (budget_.spent()) break;
  }
  if (entries.empty()) return std::nullopt;
  return treeOf(std::move(entries));
}

}  // namespace

host::Result<Snapshot> readDirectory(host::Files& files, const std::string& path, const Limits& limits,
                                     std::vector<Refusal>& refusals) {
  if (auto there = files.list(path); !there && there.error().reason != "TooLarge") {
    if (there.error().errnum == ENOENT)
      return host::fail("PathNotFound", files.shown(path), "does not exist", "name a cluster directory");
    if (there.error().errnum == ENOTDIR)
      return host::fail("PathNotDirectory", files.shown(path), "is not a directory", "name a cluster directory");
    return host::Failure(std::move(there).error());
  }
  Walk walk(files, path, limits, refusals);
  Snapshot snapshot;
  BEDPLATE_TRY_LET(const auto tree, walk.readBelow("", 0));
  snapshot.tree = tree.value_or(treeOf({}));
  snapshot.files = std::move(walk.taken);
  sortByPath(snapshot.files, refusals);
  return snapshot;
}

}  // namespace bedplate::source
