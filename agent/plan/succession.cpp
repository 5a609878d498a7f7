#include "agent/plan/succession.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace bedplate::plan {
namespace {

using Objects = std::vector<cluster::Object>;

// What cannot be brought back by a commit that says so again: with it go data, or all that is below it.
bool isGuarded(const cluster::Object& object) {
  struct Kind {
    std::string_view group, kind;
  };
  constexpr std::array<Kind, 7> kGuarded = {{{"", "Namespace"},
                                             {"apiextensions.k8s.io", "CustomResourceDefinition"},
                                             {"", "PersistentVolume"},
                                             {"", "PersistentVolumeClaim"},
                                             {"apps", "StatefulSet"},
                                             {"helm.cattle.io", "HelmChart"},
                                             {"argoproj.io", "Application"}}};
  return std::any_of(kGuarded.begin(), kGuarded.end(),
                     [&](const Kind& one) { return object.group == one.group && object.kind == one.kind; });
}

bool endsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string tombstoneFor(const FileTarget& file, const Target& wanted) {
  const std::string commit = wanted.commit.empty() ? std::string("an unknown commit") : "commit " + wanted.commit;
  return "# Managed by bedplate: " + file.file + " left Git with " + commit +
         ".\n# Emptied, so that K3s removes its objects; then this file goes as well.\n";
}

class Maker {
 public:
  explicit Maker(const Succession& in) : in_(in) { out_.target = in.wanted; }

  host::Result<Successor> make() {
    for (const auto& file : in_.before.files)
      if (file.area == Area::manifest && file.stage != Stage::tombstone) ++before_;
    std::vector<Leaving> leaving;
    for (const auto& former : in_.before.files) {
      if (former.area != Area::manifest) continue;
      FileTarget* now = find(former.path);
      BEDPLATE_TRY(now != nullptr ? change(former, *now) : leave(former, leaving));
    }
    decide(leaving);
    BEDPLATE_TRY(adopt());
    carryBuried();
    if (!added_.empty()) {
      auto& files = out_.target.files;
      files.insert(files.end(), std::make_move_iterator(added_.begin()), std::make_move_iterator(added_.end()));
      std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    }
    auto& buried = out_.target.buried;
    std::sort(buried.begin(), buried.end());
    buried.erase(std::unique(buried.begin(), buried.end()), buried.end());
    return std::move(out_);
  }

 private:
  FileTarget* find(const std::string& path) {
    auto& files = out_.target.files;
    const auto found = std::lower_bound(files.begin(), files.end(), path,
                                        [](const auto& file, const std::string& name) { return file.path < name; });
    return found != files.end() && found->path == path && found->area == Area::manifest ? &*found : nullptr;
  }

  host::Result<Objects> objectsOf(const FileTarget& file) {
    if (file.objects) return *file.objects;
    auto content = file.content;
    if (!content) {
      BEDPLATE_TRY_LET(content, in_.content(file.sha256));
    }
    return cluster::readManifest(*content).objects;
  }

  // Where the objects of Git are.
  using Places = std::map<std::string, const FileTarget*>;
  host::Result<const Places*> places() {
    if (places_) return &*places_;
    places_.emplace();
    for (const auto& file : in_.wanted.files) {
      if (file.area != Area::manifest) continue;
      BEDPLATE_TRY_LET(const Objects objects, objectsOf(file));
      for (const auto& object : objects) places_->emplace(cluster::identity(object), &file);
    }
    return &*places_;
  }

  // What would happen to objects that their manifest no longer holds.
  struct Loss {
    std::string guarded;  // the first that may not go without a word
    std::string waits;    // the first that K3s has not given to its new manifest yet
    bool any = false;     // something goes that is in no other manifest
  };
  host::Result<Loss> lossOf(const FileTarget& former, const Objects& gone) {
    Loss loss;
    BEDPLATE_TRY_LET(const Places* places, this->places());
    for (const auto& object : gone) {
      if (object.stays) continue;
      const auto place = places->find(cluster::identity(object));
      if (place != places->end() && place->second->path != former.path) {
        if (!taken(object, former, *place->second)) {
          if (loss.waits.empty()) loss.waits = cluster::shown(object) + " is in " + place->second->file + " now";
          out_.awaited.push_back(object);
        }
        continue;
      }
      loss.any = true;
      if (loss.guarded.empty() && isGuarded(object)) loss.guarded = cluster::shown(object);
    }
    return loss;
  }

  // K3s has deployed the new manifest, and its object is that one's.
  bool taken(const cluster::Object& object, const FileTarget& former, const FileTarget& now) {
    if (!in_.hasRun || addonOf(former.path) == addonOf(now.path)) return true;
    const FileTarget* staged = find(now.path);  // it may be held back itself
    if (!in_.deployed.known || staged == nullptr || staged->stage != Stage::wanted || !in_.deployed.has(*staged))
      return false;
    const auto owner = in_.deployed.owners.find(cluster::identity(object));
    return owner != in_.deployed.owners.end() && owner->second == addonOf(now.path);
  }

  bool isAllowed(const FileTarget& file) const {
    if (in_.mayPrune) return true;
    return std::any_of(in_.allowed.begin(), in_.allowed.end(), [&](const std::string& path) {
      const std::string whole = "/" + file.file;  // it may lie in a role's layer
      if (endsWith(path, "/")) return whole.find("/" + path) != std::string::npos;
      return endsWith(whole, "/" + path);
    });
  }

  static FileTarget held(const FileTarget& former, const FileTarget& now, Stage stage, std::string why) {
    FileTarget file = former;
    file.file = now.file;
    file.layer = now.layer;
    file.stage = stage;
    file.why = std::move(why);
    return file;
  }

  // A manifest that is there before and after.
  host::Status change(const FileTarget& former, FileTarget& now) {
    const bool markedBefore = former.stage == Stage::wanted && former.again > 0 &&
                              former.sha256 == sha256(marked(*now.content, former.again));
    if (markedBefore || former.sha256 == now.sha256 || former.stage == Stage::tombstone || !in_.hasRun ||
        !in_.wanted.prune) {
      mark(now, markedBefore ? former.again : 0);
      return {};
    }
    BEDPLATE_TRY_LET(const Objects old, objectsOf(former));
    std::set<std::string> still;
    BEDPLATE_TRY_LET(const Objects objects, objectsOf(now));
    for (const auto& object : objects) still.insert(cluster::identity(object));
    Objects gone;
    for (const auto& object : old)
      if (still.count(cluster::identity(object)) == 0) gone.push_back(object);
    BEDPLATE_TRY_LET(const Loss loss, lossOf(former, gone));
    if (!loss.guarded.empty() && !isAllowed(now))
      now = held(former, now, Stage::guarded, "what Git says would remove " + loss.guarded);
    else if (!loss.waits.empty())
      now = held(former, now, Stage::moving, loss.waits + ": K3s has to take it over first");
    else if (gone.empty())
      mark(now, 0);
    return {};
  }

  // Marks what Git says as put again, once more often than `times` where its objects are to be put right now.
  void mark(FileTarget& file, int times) {
    if (in_.deployed.again.count(file.path) != 0) ++times;
    if (times == 0) return;
    file.content = std::make_shared<const std::string>(marked(*file.content, times));
    file.sha256 = sha256(*file.content);
    file.again = times;
  }

  // A manifest that is no longer wanted.
  struct Leaving {
    FileTarget file;
    bool loses;  // something that is nowhere else, and nobody said that it may
  };
  host::Status leave(const FileTarget& former, std::vector<Leaving>& leaving) {
    // A tombstone is finished by whoever put it, also when another server holds the manifests by now.
    if (former.stage == Stage::tombstone) {
      if (in_.hasRun && !(in_.deployed.known && in_.deployed.has(former)))
        added_.push_back(former);
      else if (in_.hasRun)
        out_.target.buried.push_back(former.path);
      return {};
    }
    if (!in_.hasRun || !in_.wanted.prune || in_.elsewhere.count(former.path) != 0) return {};
    BEDPLATE_TRY_LET(const Objects objects, objectsOf(former));
    BEDPLATE_TRY_LET(const Loss loss, lossOf(former, objects));
    FileTarget file = former;
    file.why.clear();
    if (loss.any) ++removed_;
    if (!loss.guarded.empty() && !isAllowed(file)) {
      file.stage = Stage::guarded;
      file.why = "without it " + loss.guarded + " would be removed";
    } else if (!loss.waits.empty()) {
      file.stage = Stage::moving;
      file.why = loss.waits + ": K3s has to take it over first";
    } else {
      file.stage = Stage::tombstone;
    }
    const bool loses = loss.any && !isAllowed(file);
    leaving.push_back({std::move(file), loses});
    return {};
  }

  void decide(std::vector<Leaving>& leaving) {
    const bool tooMany = removed_ * 2 > before_;
    const std::string why = std::to_string(removed_) + " of " + std::to_string(before_) + " manifests would go";
    for (auto& [file, loses] : leaving) {
      if (file.stage == Stage::tombstone && tooMany && loses) {
        file.stage = Stage::guarded;
        file.why = why;
      } else if (file.stage == Stage::tombstone) {
        file.again = 0;
        file.content = std::make_shared<const std::string>(tombstoneFor(file, in_.wanted));
        file.sha256 = sha256(*file.content);
      }
      added_.push_back(std::move(file));
    }
  }

  // What was placed by hand, and is in Git by now, moves there.
  host::Status adopt() {
    if (!in_.hasRun || !in_.wanted.prune || in_.byHand.empty()) return {};
    BEDPLATE_TRY_LET(const Places* all, places());
    for (const auto& one : in_.byHand) {
      const auto objects = cluster::readManifest(*one.content).objects;
      const FileTarget* place = nullptr;
      const bool whole = std::all_of(objects.begin(), objects.end(), [&](const auto& object) {
        const auto found = all->find(cluster::identity(object));
        if (found != all->end()) place = found->second;
        return found != all->end() || object.stays;
      });
      if (!whole || place == nullptr || find(one.path) != nullptr || isAdded(one.path)) continue;
      FileTarget file;
      file.path = one.path;
      file.file = place->file;
      file.layer = place->layer;
      file.content = one.content;
      file.sha256 = sha256(*one.content);
      file.stage = Stage::moving;
      file.why = "placed by hand, and in " + place->file + " now: K3s has to take it over first";
      added_.push_back(std::move(file));
      for (const auto& object : objects) out_.awaited.push_back(object);
    }
    return {};
  }

  [[nodiscard]] bool isAdded(const std::string& path) const {
    return std::any_of(added_.begin(), added_.end(), [&](const auto& file) { return file.path == path; });
  }

  void carryBuried() {
    auto& buried = out_.target.buried;
    if (buried.empty() && in_.before.buried.empty()) return;
    std::set<std::string> living;
    for (const auto& file : out_.target.files)
      if (file.area == Area::manifest) living.insert(addonOf(file.path));
    for (const auto& file : added_) living.insert(addonOf(file.path));
    for (const auto& path : in_.before.buried) {
      const bool gone = in_.deployed.known && in_.deployed.addons.count(addonOf(path)) == 0;
      if (!gone) buried.push_back(path);
    }
    std::erase_if(buried, [&](const std::string& path) { return living.count(addonOf(path)) != 0; });
  }

  const Succession& in_;
  Successor out_;
  std::vector<FileTarget> added_;
  std::size_t before_ = 0, removed_ = 0;
  std::optional<Places> places_;
};

}  // namespace

std::string addonOf(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  return std::string(path.substr(0, path.find('.')));
}

bool Deployed::has(const FileTarget& file) const {
  const auto addon = addons.find(addonOf(file.path));
  return addon != addons.end() && addon->second.checksum == file.sha256;
}

std::string marked(const std::string& content, int times) {
  if (times == 0) return content;
  // Before all else: a line more at the end could belong to a block of text. A byte order mark has to stay first.
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  const std::size_t begin = content.compare(0, kMark.size(), kMark) == 0 ? kMark.size() : 0;
  return content.substr(0, begin) + "# Managed by bedplate: objects put right " + std::to_string(times) +
         (times == 1 ? " time" : " times") + ".\n" + content.substr(begin);
}

std::vector<Waiting> waiting(const Target& target) {
  std::vector<Waiting> all;
  for (const auto& file : target.files)
    if (file.stage == Stage::guarded || file.stage == Stage::moving) all.push_back({file.file, file.stage, file.why});
  return all;
}

Target withoutTombstones(Target target) {
  std::erase_if(target.files, [](const FileTarget& file) { return file.stage == Stage::tombstone; });
  for (auto& file : target.files) {
    file.stage = Stage::wanted;
    file.why.clear();
  }
  target.buried.clear();
  return target;
}

host::Result<Successor> succeed(const Succession& in) { return Maker(in).make(); }

}  // namespace bedplate::plan
