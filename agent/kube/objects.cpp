#include "agent/kube/objects.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/kube/json_at.h"
#include "agent/kube/time.h"
#include "agent/source/text.h"

namespace bedplate::kube {
namespace {

constexpr std::size_t kMostObject = 4 << 20;
constexpr std::size_t kMostList = 32 << 20;
constexpr std::size_t kMostKinds = 4 << 20;
constexpr std::size_t kMostManager = 128;
constexpr const char* kAddonKind = "k3s.cattle.io/v1, Kind=Addon";

host::Failure malformed(const std::string& what) {
  return host::fail("Malformed", what, "is not what the Kubernetes API answers with");
}

// A part of a path: what the API itself says of names and groups, held to.
bool isPart(std::string_view text) {
  return !text.empty() && text.size() <= 253 && text.front() != '.' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}

// RBAC allows ':' and capitals in names, too: nothing that ends a part of a path.
bool isName(std::string_view text) {
  return !text.empty() && text.size() <= 253 && text != "." && text != ".." &&
         text.find_first_of("/%?# \t\r\n") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::string ownerOf(const nlohmann::json& object) {
  const nlohmann::json* annotations = at(at(&object, "metadata"), "annotations");
  if (textAt(annotations, "objectset.rio.cattle.io/owner-gvk") != kAddonKind) return {};
  return textAt(annotations, "objectset.rio.cattle.io/owner-name");
}

// One that acts by itself, as kube-controller-manager, an autoscaler or an operator do.
bool isController(std::string_view manager) {
  constexpr std::array<std::string_view, 6> kWords = {"controller", "autoscaler", "operator",
                                                      "manager",    "scheduler",  "vpa-"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return manager.find(word) != std::string_view::npos; });
}

bool isDeployController(std::string_view manager) { return manager == "k3s" || manager.starts_with("deploy@"); }

void readManagers(const nlohmann::json& object, Owned& owned) {
  const nlohmann::json* fields = at(at(&object, "metadata"), "managedFields");
  if (fields == nullptr || !fields->is_array()) return;
  std::int64_t ours = 0;
  for (const auto& entry : *fields) {
    // What only the status or the scale is changed through is a controller's part.
    if (!textAt(&entry, "subresource").empty()) continue;
    const std::string manager = textAt(&entry, "manager");
    const std::int64_t time = parseTime(textAt(&entry, "time")).value_or(0);
    if (isDeployController(manager)) {
      ours = std::max(ours, time);
    } else if (!isController(manager) && time > owned.changedUs) {
      owned.changedUs = time;
      owned.changedBy = source::shownText(manager, kMostManager);
    }
  }
  // In whole seconds: of the same one it is not known who was last.
  if (owned.changedUs < ours) owned.changedUs = 0;
}

}  // namespace

host::Result<std::map<std::string, KindPlace>> parseKinds(std::string_view text, const std::string& path) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const nlohmann::json* resources = at(&json, "resources");
  if (resources == nullptr || !resources->is_array()) return malformed("the list of kinds at " + path);
  std::map<std::string, KindPlace> kinds;
  for (const auto& resource : *resources) {
    KindPlace place;
    place.path = path;
    place.plural = textAt(&resource, "name");
    const nlohmann::json* namespaced = at(&resource, "namespaced");
    place.namespaced = namespaced != nullptr && namespaced->is_boolean() && namespaced->get<bool>();
    if (isPart(place.plural)) kinds.emplace(textAt(&resource, "kind"), std::move(place));  // "pods/status" is none
  }
  return kinds;
}

host::Result<std::map<std::string, KindPlace>> Kinds::read(Api& api, const std::string& group) {
  std::string path = "/api/v1";
  if (!group.empty()) {
    if (!isPart(group)) return std::map<std::string, KindPlace>();
    const auto found = api.get("/apis/" + group, kMostKinds);
    if (!found && found.error().reason == "NotFound") return std::map<std::string, KindPlace>();
    if (!found) return host::Failure(found.error());
    const auto json = nlohmann::json::parse(*found, nullptr, /*allow_exceptions=*/false);
    const std::string version = textAt(at(&json, "preferredVersion"), "version");
    if (!isPart(version)) return malformed("the group " + group);
    path = "/apis/" + group + "/" + version;
  }
  BEDPLATE_TRY_LET(const std::string text, api.get(path, kMostKinds));
  return parseKinds(text, path);
}

host::Result<std::optional<KindPlace>> Kinds::find(Api& api, const std::string& group, const std::string& kind) {
  auto known = known_.find(group);
  if (known == known_.end() || known->second.count(kind) == 0) {
    BEDPLATE_TRY_LET(auto kinds, read(api, group));
    known = known_.insert_or_assign(group, std::move(kinds)).first;
  }
  const auto place = known->second.find(kind);
  return place == known->second.end() ? std::nullopt : std::optional(place->second);
}

host::Result<std::optional<std::string>> ownerOf(Api& api, Kinds& kinds, const ObjectRef& object) {
  BEDPLATE_TRY_LET(const auto place, kinds.find(api, object.group, object.kind));
  const std::string space = object.space.empty() ? "default" : object.space;
  if (!place || !isName(object.name) || !isPart(space)) return std::optional<std::string>();
  std::string path = place->path;
  if (place->namespaced) path += "/namespaces/" + space;
  path += "/" + place->plural + "/" + object.name;
  const auto text = api.get(path, kMostObject);
  if (!text && text.error().reason == "NotFound") return std::optional<std::string>();
  if (!text) return host::Failure(text.error());
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return malformed(object.kind + " " + object.name);
  return std::optional(ownerOf(json));
}

host::Result<std::vector<Owned>> parseOwned(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const nlohmann::json* items = itemsOf(json);
  if (items == nullptr) return malformed("the list of objects");
  std::vector<Owned> all;
  for (const auto& item : *items) {
    Owned owned;
    owned.owner = ownerOf(item);
    owned.name = textAt(at(&item, "metadata"), "name");
    owned.space = textAt(at(&item, "metadata"), "namespace");
    if (owned.owner.empty() || owned.name.empty()) continue;
    readManagers(item, owned);
    all.push_back(std::move(owned));
  }
  return all;
}

host::Result<std::vector<Owned>> listOwned(Api& api, const KindPlace& place) {
  BEDPLATE_TRY_LET(
      const std::string text,
      api.get(place.path + "/" + place.plural + "?labelSelector=objectset.rio.cattle.io%2Fhash", kMostList));
  return parseOwned(text);
}

}  // namespace bedplate::kube
