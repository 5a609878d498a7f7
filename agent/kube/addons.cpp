#include "agent/kube/addons.h"

#include <nlohmann/json.hpp>

#include "agent/kube/json_at.h"
#include "agent/kube/time.h"
#include "agent/source/text.h"

namespace bedplate::kube {
namespace {

constexpr const char* kAddons = "/apis/k3s.cattle.io/v1/namespaces/kube-system/addons";
constexpr const char* kEvents = "/api/v1/namespaces/kube-system/events?fieldSelector=involvedObject.kind%3DAddon";
constexpr std::size_t kMostAddons = 32 << 20;
constexpr std::size_t kMostAddon = 1 << 20;
constexpr std::size_t kMostEvents = 16 << 20;
constexpr std::size_t kLongestMessage = 1000;
constexpr std::size_t kLongestName = 253;

host::Failure malformed(const char* what) {
  return host::fail("Malformed", what, "is not what the Kubernetes API answers with");
}

std::optional<Addon> readAddon(const nlohmann::json& item) {
  Addon addon;
  addon.name = textAt(at(&item, "metadata"), "name");
  if (addon.name.empty() || addon.name.size() > kLongestName) return std::nullopt;
  addon.uid = textAt(at(&item, "metadata"), "uid");
  addon.resourceVersion = textAt(at(&item, "metadata"), "resourceVersion");
  addon.source = textAt(at(&item, "spec"), "source");
  addon.checksum = textAt(at(&item, "spec"), "checksum");
  return addon;
}

}  // namespace

host::Result<std::vector<Addon>> parseAddons(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const nlohmann::json* items = itemsOf(json);
  if (items == nullptr) return malformed("the list of Addons");
  std::vector<Addon> addons;
  for (const auto& item : *items)
    if (auto addon = readAddon(item)) addons.push_back(*std::move(addon));
  return addons;
}

host::Result<std::vector<AddonEvent>> parseAddonEvents(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const nlohmann::json* items = itemsOf(json);
  if (items == nullptr) return malformed("the list of events");
  std::vector<AddonEvent> events;
  for (const auto& item : *items) {
    AddonEvent event;
    event.addon = textAt(at(&item, "involvedObject"), "name");
    event.reason = source::shownText(textAt(&item, "reason"), kLongestName);
    event.message = source::shownText(textAt(&item, "message"), kLongestMessage);
    event.lastUs = parseTime(textAt(&item, "lastTimestamp")).value_or(0);
    if (!event.addon.empty() && !event.reason.empty()) events.push_back(std::move(event));
  }
  return events;
}

host::Result<std::vector<Addon>> listAddons(Api& api) {
  BEDPLATE_TRY_LET(const std::string text, api.get(kAddons, kMostAddons));
  return parseAddons(text);
}

host::Result<std::optional<Addon>> getAddon(Api& api, const std::string& name) {
  const auto text = api.get(std::string(kAddons) + "/" + name, kMostAddon);
  if (!text && text.error().reason == "NotFound") return std::optional<Addon>();
  if (!text) return host::Failure(text.error());
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  auto addon = readAddon(json);
  if (!addon) return malformed("an Addon");
  return addon;
}

host::Result<std::vector<AddonEvent>> listAddonEvents(Api& api, const std::string& name) {
  std::string path = kEvents;
  if (!name.empty()) path += "%2CinvolvedObject.name%3D" + name;
  BEDPLATE_TRY_LET(const std::string text, api.get(path, kMostEvents));
  return parseAddonEvents(text);
}

host::Status removeAddon(Api& api, const Addon& addon) {
  const nlohmann::json options = {{"kind", "DeleteOptions"},
                                  {"apiVersion", "v1"},
                                  {"preconditions", {{"uid", addon.uid}, {"resourceVersion", addon.resourceVersion}}}};
  const auto removed = api.remove(std::string(kAddons) + "/" + addon.name, options.dump());
  if (!removed && removed.error().reason != "NotFound") return host::Failure(removed.error());
  return {};
}

}  // namespace bedplate::kube
