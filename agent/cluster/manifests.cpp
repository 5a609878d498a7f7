#include "agent/cluster/manifests.h"

#include <array>
#include <string>

#include "agent/cluster/mentions.h"
#include "agent/cluster/names.h"

namespace bedplate::cluster {
namespace {

using yaml::Place;

struct Field {
  bool present = false;
  Place at;
  std::string text;      // of a scalar
  bool isString = true;  // false: a number or boolean for Kubernetes, a null, a mapping, a sequence
};

// What the API server takes for a name: a DNS label for a Namespace and a Service, a path segment for RBAC, a DNS
// subdomain for all else (apimachinery, pkg/api/validation). "" when it does.
std::string judgeObjectName(const Object& object) {
  const std::string& name = object.name;
  const std::string quoted = object.kind + " " + inQuotes(name);
  if (object.group == "rbac.authorization.k8s.io") {
    const bool segment = name != "." && name != ".." && name.find_first_of("/%") == std::string::npos;
    return segment ? "" : quoted + ": the API server takes no '/' and no '%' in such a name";
  }
  const bool label = object.group.empty() && (object.kind == "Namespace" || object.kind == "Service");
  if (isDnsSubdomain(name) && (!label || (name.size() <= 63 && name.find('.') == std::string::npos))) return "";
  return quoted + " is no name that the API server takes: lower case letters, digits, '-'" + (label ? "" : " and '.'") +
         ", with a letter or digit at both ends, at most " + (label ? "63" : "253");
}

// What is looked at of one object.
struct Draft {
  Place at;
  Field apiVersion, kind, name, generateName, metadata, space;
  bool data = false;                       // has "data" or "stringData"
  bool stays = false;                      // by its label
  bool selfHeals = false, prunes = false;  // below spec.syncPolicy.automated
};

class Checker final : public yaml::Sink {
 public:
  void beginDocument(Place) override {
    object_ = {};
    items_.clear();
    hasItems_ = hasRoot_ = false;
  }

  void endDocument() override {
    if (!hasRoot_) return;
    if (!hasItems_) return judge(object_, object_.apiVersion.text, object_.kind.text, true);
    if (object_.kind.text.empty() || !endsWithList(object_.kind.text)) {
      problems.push_back({itemsAt_, "'items' at the top makes this a list for K3s, but its kind does not end in List"});
      return;
    }
    requireString(object_.apiVersion, object_.at, "apiVersion");
    // In a typed list (ConfigMapList) the items take kind and apiVersion from the list.
    const bool typed = object_.kind.text != "List";
    const std::string kind = object_.kind.text.substr(0, object_.kind.text.size() - 4);
    for (const auto& item : items_)
      judge(item, typed ? object_.apiVersion.text : item.apiVersion.text, typed ? kind : item.kind.text, !typed);
  }

  void beginMapping(Place at) override {
    Role role = Role::other;
    if (depth_ == 0) {
      role = Role::object;
      hasRoot_ = true;
      object_.at = at;
    } else if (above() == Role::items) {
      role = Role::item;
      items_.push_back({});
      items_.back().at = at;
    } else if (pending_ == Pending::metadata) {
      role = above() == Role::object ? Role::metadata : Role::itemMetadata;
      *field_ = {true, at, {}, true};
    } else if (pending_ == Pending::labels) {
      role = Role::labels;
    } else if (pending_ == Pending::spec) {
      role = Role::spec;
    } else if (pending_ == Pending::syncPolicy) {
      role = Role::syncPolicy;
    } else if (pending_ == Pending::automated) {
      role = Role::automated;
    } else {
      notText(at);
    }
    push(role);
  }

  void beginSequence(Place at) override {
    Role role = Role::other;
    if (depth_ == 0) {
      problems.push_back({at, std::string(kWhatItIs)});
    } else if (above() == Role::items) {
      problems.push_back({at, std::string(kWhatItemsAre)});
    } else if (pending_ == Pending::items) {
      role = Role::items;
      hasItems_ = true;
      itemsAt_ = at;
    } else {
      notText(at);
    }
    push(role);
  }

  void end() override {
    --depth_;
    expect(Pending::nothing, nullptr);
  }

  void key(Place at, const std::string& text) override {
    expect(Pending::nothing, nullptr);
    switch (above()) {
      case Role::object: objectKey(object_, at, text); break;
      case Role::item: objectKey(items_.back(), at, text); break;
      case Role::metadata: metadataKey(object_, text); break;
      case Role::itemMetadata: metadataKey(items_.back(), text); break;
      case Role::labels:
        if (text == "objectset.rio.cattle.io/prune") expect(Pending::stays, nullptr);
        break;
      case Role::spec:
        if (text == "syncPolicy") expect(Pending::syncPolicy, nullptr);
        break;
      case Role::syncPolicy:
        if (text == "automated") expect(Pending::automated, nullptr);
        break;
      case Role::automated:
        if (text == "selfHeal") expect(Pending::selfHeal, nullptr);
        if (text == "prune") expect(Pending::prune, nullptr);
        break;
      case Role::items:
      case Role::other: break;
    }
  }

  void scalar(Place at, const std::string& text, bool plain) override {
    if (depth_ == 0) {
      problems.push_back({at, std::string(kWhatItIs)});
    } else if (above() == Role::items) {
      problems.push_back({at, std::string(kWhatItemsAre)});
    } else if (field_ != nullptr) {
      const bool isText = pending_ == Pending::text && !(plain && yaml::notAString(text));
      *field_ = {true, at, text, isText};
    } else if (pending_ == Pending::stays) {
      current().stays = text == "false" && !plain;
    } else if (pending_ == Pending::selfHeal) {
      current().selfHeals = text == "true";
    } else if (pending_ == Pending::prune) {
      current().prunes = text == "true";
    }
  }

  void null(Place at) override {
    if (depth_ == 0) return;  // an empty document between two "---"
    if (above() == Role::items) problems.push_back({at, std::string(kWhatItemsAre)});
    notText(at);
  }

  std::vector<yaml::Problem> problems;
  std::vector<Object> objects;

 private:
  enum class Role { object, metadata, items, item, itemMetadata, labels, spec, syncPolicy, automated, other };
  // What the value of the key just read is.
  enum class Pending { nothing, metadata, items, text, labels, stays, spec, syncPolicy, automated, selfHeal, prune };
  static constexpr std::string_view kWhatItIs =
      "a manifest holds Kubernetes objects: mappings with apiVersion, kind and metadata.name";
  static constexpr std::string_view kWhatItemsAre = "an item of a list must be a Kubernetes object";

  static bool endsWithList(std::string_view kind) { return kind.size() >= 4 && kind.substr(kind.size() - 4) == "List"; }

  // The object that is being read: an item's where the items have begun.
  Draft& current() { return items_.empty() ? object_ : items_.back(); }
  [[nodiscard]] Role above() const { return roles_[depth_ - 1]; }
  void expect(Pending pending, Field* field) {
    pending_ = pending;
    field_ = field;
  }
  void push(Role role) {
    expect(Pending::nothing, nullptr);
    roles_.at(depth_++) = role;  // the reader's depth is the same
  }
  void notText(Place at) {
    if (field_ != nullptr) *field_ = {true, at, {}, false};
  }

  void objectKey(Draft& object, Place at, const std::string& text) {
    if (text == "apiVersion") expect(Pending::text, &object.apiVersion);
    if (text == "kind") expect(Pending::text, &object.kind);
    if (text == "metadata") expect(Pending::metadata, &object.metadata);
    if (text == "data" || text == "stringData") object.data = true;
    if (text == "spec") expect(Pending::spec, nullptr);
    if (text == "items" && above() == Role::object) expect(Pending::items, nullptr);
    if (field_ != nullptr) field_->at = at;
  }
  void metadataKey(Draft& object, const std::string& text) {
    if (text == "name") expect(Pending::text, &object.name);
    if (text == "generateName") expect(Pending::text, &object.generateName);
    if (text == "namespace") expect(Pending::text, &object.space);
    if (text == "labels") expect(Pending::labels, nullptr);
  }

  void requireString(const Field& field, Place whole, std::string_view what) {
    const std::string name(what);
    if (!field.present)
      problems.push_back({whole, name + " is missing: every document is one Kubernetes object"});
    else if (!field.isString)
      problems.push_back({field.at, name + " must be text; a number or a word like 'on' needs quotes"});
    else if (field.text.empty())
      problems.push_back({field.at, name + " is empty"});
  }

  void judge(const Draft& object, const std::string& apiVersion, const std::string& kind, bool needsKind) {
    if (needsKind) requireString(object.apiVersion, object.at, "apiVersion");
    if (needsKind) requireString(object.kind, object.at, "kind");
    if (object.metadata.present && !object.metadata.isString) {
      problems.push_back({object.metadata.at, "metadata must be a mapping with a name"});
    } else if (!object.name.present && object.generateName.present) {
      problems.push_back(
          {object.generateName.at, "generateName makes a new object at every pass of K3s: give it metadata.name"});
    } else {
      requireString(object.name, object.at, "metadata.name");
    }
    Object found;
    found.at = object.at;
    const std::size_t slash = apiVersion.find('/');
    found.group = slash == std::string::npos ? "" : apiVersion.substr(0, slash);
    found.kind = kind;
    found.space = object.space.text;
    found.name = object.name.text;
    found.rawSecret = found.group.empty() && kind == "Secret" && object.data;
    found.stays = object.stays;
    found.selfHeals = object.selfHeals;
    found.prunes = object.prunes;
    if (!found.name.empty())
      if (const auto wrong = judgeObjectName(found); !wrong.empty()) problems.push_back({object.name.at, wrong});
    objects.push_back(std::move(found));
  }

  std::array<Role, 64> roles_{};
  std::size_t depth_ = 0;
  Pending pending_ = Pending::nothing;
  Field* field_ = nullptr;
  Draft object_;
  std::vector<Draft> items_;
  bool hasItems_ = false, hasRoot_ = false;
  Place itemsAt_;
};

}  // namespace

std::string identity(const Object& object) {
  return object.group + '/' + object.kind + '/' + (object.space.empty() ? "default" : object.space) + '/' + object.name;
}

std::string shown(const Object& object) {
  return object.kind + " " + (object.space.empty() ? "" : printable(object.space) + "/") + printable(object.name);
}

Manifest readManifest(std::string_view text) {
  Checker checker;
  Manifest manifest;
  manifest.problems = yaml::walk(text, checker);
  manifest.problems.insert(manifest.problems.end(), checker.problems.begin(), checker.problems.end());
  manifest.objects = std::move(checker.objects);
  if (manifest.problems.empty()) readMentions(text, manifest.objects);
  return manifest;
}

}  // namespace bedplate::cluster
