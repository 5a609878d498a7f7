// The cluster directory at one commit: all trees of one depth are asked for together, then all blobs.
#include <algorithm>
#include <map>
#include <set>

#include "agent/source/names.h"
#include "agent/source/source.h"
#include "agent/source/text.h"

namespace bedplate::source {
namespace {

// 10,000 entries of names that are taken are less than this, and so are 100,000 of usual ones: on the way to the
// cluster directory lie other people's directories, which have no limit of ours but the memory.
constexpr std::size_t kTreeBytes = 4 << 20;
// What is small comes in portions, what is larger alone: what is on its way at once stays below 8 MiB.
constexpr std::size_t kObjectsARequest = 64;
constexpr std::size_t kSmallBytes = 128 << 10;

std::vector<std::string> components(const std::string& path) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  while (at <= path.size()) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    std::string part = path.substr(at, slash - at);
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
    at = slash + 1;
  }
  return parts;
}

host::Result<std::vector<TreeEntry>> readTree(Objects& objects, const ObjectId& id, const std::string& shown) {
  BEDPLATE_TRY_LET(const auto raw, objects.get(ObjectType::tree, {id}, kTreeBytes));
  if (raw.empty() || !raw.front())
    return host::fail("ObjectRefused", shown, "is a directory of more than " + sizeText(kTreeBytes));
  auto entries = parseTree(*raw.front(), id.size());
  if (!entries) return host::fail("ObjectRefused", shown, entries.error().why);
  return entries;
}

// From the commit's tree down to the cluster directory.
host::Result<ObjectId> findDirectory(Objects& objects, const Commit& commit, const std::string& path) {
  ObjectId tree = commit.tree;
  std::string walked;
  for (const auto& part : components(path)) {
    BEDPLATE_TRY_LET(const auto entries, readTree(objects, tree, walked.empty() ? "/" : walked));
    walked = host::joinPath(walked, part);
    const auto entry = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.name == part; });
    if (entry == entries.end())
      return host::fail("PathNotFound", path, "commit " + commit.id.shortHex() + " has no '" + shownPath(walked) + "'",
                        "check path in the [repository] section of bedplate.conf");
    if (entry->mode != kModeDirectory) {
      std::string why = "'" + shownPath(walked) + "' in commit " + commit.id.shortHex() + " is ";
      why += entry->mode == kModeLink ? "a symbolic link" : entry->mode == kModeSubmodule ? "a submodule" : "a file";
      return host::fail("PathNotDirectory", path, why, "check path in the [repository] section of bedplate.conf");
    }
    tree = entry->id;
  }
  return tree;
}

// Small objects by id; nullopt for one that is larger.
using Portion = std::map<ObjectId, std::optional<std::string>>;

host::Result<Portion> getSmall(Objects& objects, ObjectType type, const std::vector<ObjectId>& ids, std::size_t limit) {
  BEDPLATE_TRY_LET(auto got, objects.get(type, ids, std::min(limit, kSmallBytes)));
  Portion portion;
  for (std::size_t i = 0; i < ids.size(); ++i) portion[ids[i]] = std::move(got.at(i));
  return portion;
}

host::Result<std::optional<std::string>> getOne(Objects& objects, ObjectType type, const ObjectId& id,
                                                std::size_t limit) {
  BEDPLATE_TRY_LET(auto got, objects.get(type, {id}, limit));
  return std::move(got.at(0));
}

struct Directory {
  std::string path;
  ObjectId id;
};

class Reader {
 public:
  Reader(Objects& objects, const Limits& limits, const BlobCache& cache, std::vector<Refusal>& refusals)
      : objects_(objects), limits_(limits), cache_(cache), refusals_(refusals), budget_(limits, refusals) {}

  host::Result<std::vector<File>> read(const ObjectId& root);

 private:
  host::Result<std::vector<Directory>> readLevel(const std::vector<Directory>& level, bool last);
  void takeDirectory(const Directory& directory, const std::optional<std::string>& raw, bool last,
                     std::vector<Directory>& below);
  void refuse(const std::string& path, std::string why) { refusals_.push_back({shownPath(path), std::move(why)}); }
  host::Status readBlobs();
  host::Status askBlobs(const std::vector<ObjectId>& ids);
  host::Result<std::shared_ptr<const std::string>> contentOf(const ObjectId& id);  // nullptr: larger than the limit
  bool takeContent(const File& file, const std::shared_ptr<const std::string>& content);

  Objects& objects_;
  const Limits& limits_;
  const BlobCache& cache_;
  std::vector<Refusal>& refusals_;
  Budget budget_;
  std::vector<File> files_;
  BlobCache blobs_;  // nullptr: not small
};

void Reader::takeDirectory(const Directory& directory, const std::optional<std::string>& raw, bool last,
                           std::vector<Directory>& below) {
  const auto crowded = [&] {
    refuse(directory.path.empty() ? "." : directory.path,
           "it has more than " + std::to_string(limits_.entriesPerDirectory) + " entries");
  };
  if (!raw) return crowded();
  if (!budget_.takeListing(directory.path.empty() ? "." : directory.path, raw->size())) return;
  const auto entries = parseTree(*raw, directory.id.size());
  if (!entries) return refuse(directory.path.empty() ? "." : directory.path, "it " + entries.error().why);
  if (entries->size() > limits_.entriesPerDirectory) return crowded();
  for (const auto& entry : *entries) {
    const std::string path = host::joinPath(directory.path, entry.name);
    // Before anything else: also what is refused takes its place in the memory.
    if (!budget_.takeEntry(path)) return;
    std::string why = whyRefusedName(entry.name);
    if (why.empty()) why = whyRefusedMode(entry.mode);
    if (why.empty() && last && entry.mode == kModeDirectory)
      why = "it is deeper than " + std::to_string(limits_.depth) + " directories";
    if (!why.empty()) {
      refuse(path, std::move(why));
      continue;
    }
    if (entry.mode == kModeDirectory)
      below.push_back({path, entry.id});
    else
      files_.push_back({path, entry.id, nullptr});
  }
}

host::Result<std::vector<Directory>> Reader::readLevel(const std::vector<Directory>& level, bool last) {
  std::vector<Directory> below;
  for (std::size_t at = 0; at < level.size();) {
    std::vector<ObjectId> ids;
    std::set<ObjectId> asked;
    std::size_t end = at;
    for (; end < level.size() && ids.size() < kObjectsARequest; ++end)
      if (asked.insert(level[end].id).second) ids.push_back(level[end].id);
    BEDPLATE_TRY_LET(const Portion trees, getSmall(objects_, ObjectType::tree, ids, kTreeBytes));
    for (; at < end; ++at) {
      if (const auto& small = trees.at(level[at].id)) {
        takeDirectory(level[at], small, last, below);
      } else {
        BEDPLATE_TRY_LET(const auto large, getOne(objects_, ObjectType::tree, level[at].id, kTreeBytes));
        takeDirectory(level[at], large, last, below);
      }
      if (budget_.spent()) return std::vector<Directory>{};
    }
  }
  return below;
}

host::Status Reader::askBlobs(const std::vector<ObjectId>& ids) {
  BEDPLATE_TRY_LET(auto got, getSmall(objects_, ObjectType::blob, ids, limits_.fileBytes));
  for (auto& [id, content] : got)
    blobs_[id] = content ? std::make_shared<const std::string>(std::move(*content)) : nullptr;
  return {};
}

host::Result<std::shared_ptr<const std::string>> Reader::contentOf(const ObjectId& id) {
  if (const auto cached = cache_.find(id); cached != cache_.end()) return cached->second;
  auto& content = blobs_.at(id);
  if (content || limits_.fileBytes <= kSmallBytes) return content;
  BEDPLATE_TRY_LET(auto large, getOne(objects_, ObjectType::blob, id, limits_.fileBytes));
  if (large) content = std::make_shared<const std::string>(std::move(*large));
  return content;
}

bool Reader::takeContent(const File& file, const std::shared_ptr<const std::string>& content) {
  if (content && content->size() <= limits_.fileBytes) return budget_.takeBytes(file.path, content->size());
  refuse(file.path, "it is larger than " + sizeText(limits_.fileBytes));
  return true;
}

// In portions, so that a commit full of large files ends at the limit and not with the memory.
host::Status Reader::readBlobs() {
  std::size_t at = 0;
  while (at < files_.size() && !budget_.spent()) {
    const std::size_t begin = at;
    std::vector<ObjectId> unknown;
    std::set<ObjectId> asked;
    for (; at < files_.size() && unknown.size() < kObjectsARequest; ++at) {
      const ObjectId& id = files_[at].id;
      if (!cache_.contains(id) && !blobs_.contains(id) && asked.insert(id).second) unknown.push_back(id);
    }
    if (!unknown.empty()) BEDPLATE_TRY(askBlobs(unknown));
    for (std::size_t i = begin; i < at && !budget_.spent(); ++i) {
      BEDPLATE_TRY_LET(auto content, contentOf(files_[i].id));
      if (takeContent(files_[i], content) && content && content->size() <= limits_.fileBytes)
        files_[i].content = std::move(content);
    }
  }
  std::erase_if(files_, [](const File& file) { return !file.content; });
  return {};
}

host::Result<std::vector<File>> Reader::read(const ObjectId& root) {
  std::vector<Directory> level{{"", root}};
  for (std::size_t depth = 0; !level.empty(); ++depth) {
    BEDPLATE_TRY_LET(level, readLevel(level, depth >= limits_.depth));
  }
  BEDPLATE_TRY(readBlobs());
  return std::move(files_);
}

}  // namespace

host::Result<Snapshot> readSnapshot(Objects& objects, const Commit& commit, const std::string& path,
                                    const Limits& limits, const BlobCache& cache, std::vector<Refusal>& refusals) {
  Snapshot snapshot;
  snapshot.commit = commit;
  BEDPLATE_TRY_LET(snapshot.tree, findDirectory(objects, commit, path));
  BEDPLATE_TRY_LET(snapshot.files, Reader(objects, limits, cache, refusals).read(snapshot.tree));
  sortByPath(snapshot.files, refusals);
  return snapshot;
}

}  // namespace bedplate::source
