#include "agent/daemon/addons_job.h"

#include <malloc.h>

#include <algorithm>

#include "agent/daemon/web_worker.h"
#include "tuning/host/paths.h"

namespace bedplate::daemon {
namespace {

bool isManifest(const plan::FileTarget& file) { return file.area == plan::Area::manifest; }

// K3s's text without the name of the file, which is known: 'Applying manifest at "..." failed: '.
std::string essence(const std::string& message) {
  constexpr std::string_view kEnd = "\" failed: ";
  const auto end = message.find(kEnd);
  return end == std::string::npos ? message : message.substr(end + kEnd.size());
}

bool hasManifests(const ManifestWatch& watch) {
  return !watch.target->buried.empty() ||
         std::any_of(watch.target->files.begin(), watch.target->files.end(), isManifest);
}

}  // namespace

std::optional<std::int64_t> AddonsJob::dueNs(const Measuring& measuring, std::int64_t nowNs) {
  const auto& watch = measuring.manifests;
  if (!measuring.active || !watch || !hasManifests(*watch)) return std::nullopt;
  if (!asked_) return nowNs;
  if (watch != asked_) return lastNs_ + kFirstNs;
  if (awaits_) {
    const std::int64_t forNs = lastNs_ - sinceNs_;
    return lastNs_ + (forNs < kPatienceNs ? std::clamp(forNs / 4, kFirstNs, kSoonNs) : kLongNs);
  }
  return lastNs_ + (watch->target->selfHeal == plan::SelfHeal::objects ? kObjectsNs : kIdleNs);
}

std::optional<Measured> AddonsJob::run(const Measuring& measuring, const std::atomic<bool>& cancel) {
  const auto watch = measuring.manifests;
  lastNs_ = setup_.clock.monotonicNs();
  if (watch != asked_ || !awaits_) sinceNs_ = lastNs_;
  asked_ = watch;
  plan::Deployed deployed;
  const auto status = ask(*watch, deployed, cancel);
  // A list of a thousand takes ten times its size for a moment.
  if (allNs_ == lastNs_) ::malloc_trim(0);
  if (cancel) return std::nullopt;
  if (status) {
    deployed.known = true;
    deployed.atUs = setup_.clock.wallUs();
    repeats_.over("addons");
  } else {
    // What it said before was true then.
    deployed = last_;
    deployed.known = false;
    deployed.again.clear();
    deployed.problem = status.error().text();
    if (status.error().reason != "NotFound") {
      const Entry entry = entryFor(Level::notice, "K3s cannot be asked for its Addons", status.error());
      if (repeats_.worthSaying("addons", entry.message, lastNs_)) setup_.journal.say(entry);
    }
  }
  awaits_ = awaits(*watch, deployed);
  last_.atUs = deployed.atUs;  // that it said the same later is no news
  const bool same = told_ && last_ == deployed;
  last_ = deployed;
  if (same) return std::nullopt;
  told_ = true;
  Measured measured;
  measured.probe = "manifests";
  measured.keep = false;
  measured.deployed = std::make_shared<const plan::Deployed>(std::move(deployed));
  last_.again.clear();  // said once
  return measured;
}

host::Status AddonsJob::ask(const ManifestWatch& watch, plan::Deployed& deployed, const std::atomic<bool>& cancel) {
  BEDPLATE_TRY_LET(auto access, kube::readServerKubeconfig(setup_.files));
  BEDPLATE_TRY_LET(auto worker, WebWorker::start(setup_.worker, cancel));
  kube::Api api(worker.session(), std::move(access));
  const auto names = few(watch);
  BEDPLATE_TRY(names ? askFew(api, watch, *names, deployed) : askAll(api, watch, deployed));
  for (const auto& object : watch.awaited) {
    BEDPLATE_TRY_LET(const auto owner,
                     kube::ownerOf(api, kinds_, {object.group, object.kind, object.space, object.name}));
    if (owner) deployed.owners[cluster::identity(object)] = *owner;
  }
  BEDPLATE_TRY(bury(api, watch, deployed));
  const bool due = !lookedNs_ || lastNs_ - *lookedNs_ >= kObjectsNs;
  if (watch.target->selfHeal == plan::SelfHeal::objects && watch.enforce && due) {
    lookedNs_ = lastNs_;
    BEDPLATE_TRY_LET(deployed.again, objects_.look(api, kinds_, *watch.target, deployed, setup_.clock.wallUs()));
  }
  return {};
}

// One changed of a thousand is not worth a list of a thousand each time.
std::optional<std::vector<std::string>> AddonsJob::few(const ManifestWatch& watch) const {
  constexpr std::size_t kFew = 5;
  if (!last_.known || !allNs_ || lastNs_ - *allNs_ >= kIdleNs) return std::nullopt;
  std::vector<std::string> names;
  for (const auto& file : watch.target->files)
    if (isManifest(file) && !last_.has(file)) names.push_back(plan::addonOf(file.path));
  for (const auto& path : watch.target->buried)
    if (last_.addons.count(plan::addonOf(path)) != 0) names.push_back(plan::addonOf(path));
  return names.size() <= kFew ? std::optional(std::move(names)) : std::nullopt;
}

host::Status AddonsJob::askFew(kube::Api& api, const ManifestWatch& watch, const std::vector<std::string>& names,
                               plan::Deployed& deployed) {
  deployed.addons = last_.addons;
  for (const auto& name : names) {
    deployed.addons.erase(name);
    BEDPLATE_TRY_LET(const auto addon, kube::getAddon(api, name));
    if (!addon) continue;
    takeAddons(watch, {*addon}, deployed);
    BEDPLATE_TRY_LET(const auto events, kube::listAddonEvents(api, name));
    takeEvents(watch, events, deployed);
  }
  return {};
}

host::Status AddonsJob::askAll(kube::Api& api, const ManifestWatch& watch, plan::Deployed& deployed) {
  BEDPLATE_TRY_LET(const auto addons, kube::listAddons(api));
  allNs_ = lastNs_;
  takeAddons(watch, addons, deployed);
  if (!awaits(watch, deployed)) return {};
  BEDPLATE_TRY_LET(const auto events, kube::listAddonEvents(api));
  takeEvents(watch, events, deployed);
  return {};
}

void AddonsJob::takeAddons(const ManifestWatch& watch, const std::vector<kube::Addon>& addons,
                           plan::Deployed& deployed) const {
  std::set<std::string> known;
  for (const auto& file : watch.target->files)
    if (isManifest(file)) known.insert(plan::addonOf(file.path));
  for (const auto& path : watch.target->buried) known.insert(plan::addonOf(path));
  const std::string ours = std::string("/") + host::paths::k3sManifests + "/";
  for (const auto& addon : addons)
    if (known.count(addon.name) != 0 || addon.source.find(ours) != std::string::npos)
      deployed.addons[addon.name] = {addon.source, addon.checksum, {}, {}};
}

// Its checksum says when an Addon is deployed; of the others K3s's last word counts, when it is about the file of now.
void AddonsJob::takeEvents(const ManifestWatch& watch, const std::vector<kube::AddonEvent>& events,
                           plan::Deployed& deployed) {
  constexpr std::int64_t kSecondUs = 1'000'000;  // events have whole seconds
  std::map<std::string, const kube::AddonEvent*> last;
  for (const auto& event : events) {
    if (event.reason.starts_with("Applying")) continue;
    const kube::AddonEvent*& known = last[event.addon];
    if (known == nullptr || known->lastUs <= event.lastUs) known = &event;
  }
  for (const auto& file : watch.target->files) {
    if (!isManifest(file)) continue;
    const auto event = last.find(plan::addonOf(file.path));
    const auto addon = deployed.addons.find(plan::addonOf(file.path));
    if (event == last.end() || addon == deployed.addons.end() || addon->second.checksum == file.sha256) continue;
    if (!event->second->reason.ends_with("Failed")) continue;
    const auto info = setup_.files.info(file.path);
    if (info && event->second->lastUs + kSecondUs <= info->modifiedNs / 1000) continue;
    addon->second.reason = event->second->reason;
    addon->second.message = essence(event->second->message);
  }
}

// Only what K3s has emptied, and whose file is gone: with the file K3s would make the Addon anew.
host::Status AddonsJob::bury(kube::Api& api, const ManifestWatch& watch, plan::Deployed& deployed) {
  if (!watch.enforce) return {};
  for (const auto& path : watch.target->buried) {
    const auto info = setup_.files.info(path);
    if (info || info.error().reason != "NotFound") continue;
    const std::string name = plan::addonOf(path);
    const auto known = deployed.addons.find(name);
    if (known == deployed.addons.end() || !known->second.source.ends_with("/" + path)) continue;
    BEDPLATE_TRY_LET(const auto addon, kube::getAddon(api, name));
    if (addon && addon->source != known->second.source) continue;
    const auto removed = addon ? kube::removeAddon(api, *addon) : host::Status();
    if (!removed && removed.error().reason != "Conflict") return removed;
    if (removed) deployed.addons.erase(name);
  }
  return {};
}

bool AddonsJob::awaits(const ManifestWatch& watch, const plan::Deployed& deployed) const {
  if (!watch.awaited.empty()) return true;
  for (const auto& path : watch.target->buried)
    if (deployed.addons.count(plan::addonOf(path)) != 0) return true;
  return std::any_of(watch.target->files.begin(), watch.target->files.end(), [&](const plan::FileTarget& file) {
    return isManifest(file) && (file.stage == plan::Stage::moving || !deployed.has(file));
  });
}

}  // namespace bedplate::daemon
