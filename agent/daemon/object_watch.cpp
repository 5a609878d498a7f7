#include "agent/daemon/object_watch.h"

#include <tuple>
#include <utility>

#include "agent/apply/generations.h"

namespace bedplate::daemon {
namespace {

struct KindName {
  std::string group, kind;
  bool operator<(const KindName& other) const { return std::tie(group, kind) < std::tie(other.group, other.kind); }
};

std::string keyOf(const std::string& space, const std::string& name) { return space + "/" + name; }

}  // namespace

host::Result<ObjectWatch::Objects> ObjectWatch::objectsOf(const plan::FileTarget& file) {
  const auto known = read_.find(file.sha256);
  if (known != read_.end()) return known->second;
  BEDPLATE_TRY_LET(const auto content, apply::Generations(files_).content(file.sha256));
  auto objects = std::make_shared<const std::vector<cluster::Object>>(cluster::readManifest(*content).objects);
  read_.emplace(file.sha256, objects);
  return objects;
}

// Of one content K3s puts an object back once; one that is missing after that was deleted again.
bool ObjectWatch::isNew(const std::string& id, std::string change, std::int64_t nowUs,
                        std::map<std::string, Answer>& answered) const {
  const auto before = answered_.find(id);
  const bool known =
      before != answered_.end() && before->second.change == change && nowUs - before->second.atUs < kAgainUs;
  answered[id] = known ? before->second : Answer{std::move(change), nowUs};
  return !known;
}

host::Result<std::map<std::string, std::string>> ObjectWatch::look(kube::Api& api, kube::Kinds& kinds,
                                                                   const plan::Target& target,
                                                                   const plan::Deployed& deployed, std::int64_t nowUs) {
  struct Expected {
    const plan::FileTarget* file;
    cluster::Object object;
  };
  std::map<KindName, std::vector<Expected>> byKind;
  std::set<std::string> hashes;
  for (const auto& file : target.files) {
    if (file.area != plan::Area::manifest || file.stage != plan::Stage::wanted || !deployed.has(file)) continue;
    BEDPLATE_TRY_LET(const auto objects, objectsOf(file));
    hashes.insert(file.sha256);
    for (const auto& object : *objects) byKind[{object.group, object.kind}].push_back({&file, object});
  }
  std::erase_if(read_, [&](const auto& entry) { return hashes.count(entry.first) == 0; });

  std::map<std::string, std::string> again;
  std::map<std::string, Answer> answered;
  for (const auto& [kind, expected] : byKind) {
    BEDPLATE_TRY_LET(const auto place, kinds.find(api, kind.group, kind.kind));
    if (!place) continue;
    BEDPLATE_TRY_LET(const auto all, kube::listOwned(api, *place));
    std::map<std::string, const kube::Owned*> found;
    for (const auto& one : all) found[keyOf(one.space, one.name)] = &one;
    for (const auto& [file, object] : expected) {
      const std::string space = !place->namespaced ? "" : object.space.empty() ? "default" : object.space;
      const std::string id = cluster::identity(object);
      const auto one = found.find(keyOf(space, object.name));
      if (one == found.end()) {
        if (isNew(id, file->sha256, nowUs, answered))
          again.emplace(file->path, cluster::shown(object) + " was deleted");
        continue;
      }
      const std::int64_t changed = one->second->changedUs;
      if (changed != 0 && isNew(id, std::to_string(changed), nowUs, answered))
        again.emplace(file->path, cluster::shown(object) + " was changed by " + one->second->changedBy);
    }
  }
  answered_ = std::move(answered);
  return again;
}

}  // namespace bedplate::daemon
