#include "agent/report/headroom_json.h"

#include <nlohmann/json.hpp>

#include "agent/report/json_read.h"

namespace bedplate::report {
namespace {

// What is read back is bounded as what is sampled.
constexpr std::size_t kMostEvents = 64;
constexpr std::size_t kMostEntries = 1000;

Json conntrackJson(const std::optional<Headroom::Conntrack>& conntrack) {
  if (!conntrack) return nullptr;
  Json events = Json::object();
  for (const auto& [event, number] : conntrack->events) events[event] = number;
  return Json{{"entries", conntrack->entries},
              {"limit", conntrack->limit},
              {"perSecond",
               {{"insertFailed", conntrack->insertFailed},
                {"drop", conntrack->drop},
                {"earlyDrop", conntrack->earlyDrop},
                {"over", conntrack->seconds}}},
              {"events", std::move(events)}};
}

Json holdersJson(const std::vector<Headroom::Holder>& holders) {
  Json list = Json::array();
  for (const auto& one : holders)
    list.push_back(Json{{"pid", one.pid},
                        {"uid", one.uid},
                        {"name", one.name},
                        {"unit", one.unit},
                        {"instances", one.instances},
                        {"watches", one.watches}});
  return list;
}

Json inotifyJson(const std::optional<Headroom::Inotify>& inotify) {
  if (!inotify) return nullptr;
  Json users = Json::array();
  for (const auto& user : inotify->users)
    users.push_back(Json{{"uid", user.uid}, {"instances", user.instances}, {"watches", user.watches}});
  return Json{{"instancesLimit", inotify->instancesLimit},
              {"watchesLimit", inotify->watchesLimit},
              {"watchesCounted", timeJson(inotify->watchesUs)},
              {"watchesCut", inotify->watchesCut},
              {"unseen", inotify->unseen},
              {"users", std::move(users)},
              {"byInstances", holdersJson(inotify->byInstances)},
              {"byWatches", holdersJson(inotify->byWatches)}};
}

Headroom::Conntrack readConntrack(const Json& json) {
  Headroom::Conntrack conntrack;
  read(json, "entries", conntrack.entries);
  read(json, "limit", conntrack.limit);
  const Json& rates = section(json, "perSecond");
  read(rates, "insertFailed", conntrack.insertFailed);
  read(rates, "drop", conntrack.drop);
  read(rates, "earlyDrop", conntrack.earlyDrop);
  read(rates, "over", conntrack.seconds);
  for (const auto& [event, number] : section(json, "events").items()) {
    if (conntrack.events.size() == kMostEvents) break;
    conntrack.events.emplace_back(event, 0);
    read(section(json, "events"), event.c_str(), conntrack.events.back().second);
  }
  return conntrack;
}

std::vector<Headroom::Holder> readHolders(const Json& json, const char* key) {
  std::vector<Headroom::Holder> holders;
  for (const auto& one : list(json, key)) {
    if (holders.size() == kMostEntries) break;
    Headroom::Holder& holder = holders.emplace_back();
    read(member(one, key), "pid", holder.pid);
    read(one, "uid", holder.uid);
    read(one, "name", holder.name);
    read(one, "unit", holder.unit);
    read(one, "instances", holder.instances);
    read(one, "watches", holder.watches);
  }
  return holders;
}

Headroom::Inotify readInotify(const Json& json) {
  Headroom::Inotify inotify;
  read(json, "instancesLimit", inotify.instancesLimit);
  read(json, "watchesLimit", inotify.watchesLimit);
  readTime(json, "watchesCounted", inotify.watchesUs);
  read(json, "watchesCut", inotify.watchesCut);
  read(json, "unseen", inotify.unseen);
  for (const auto& one : list(json, "users")) {
    if (inotify.users.size() == kMostEntries) break;
    Headroom::User& user = inotify.users.emplace_back();
    read(member(one, "users"), "uid", user.uid);
    read(one, "instances", user.instances);
    read(one, "watches", user.watches);
  }
  inotify.byInstances = readHolders(json, "byInstances");
  inotify.byWatches = readHolders(json, "byWatches");
  return inotify;
}

}  // namespace

Json headroomJson(const std::optional<Headroom>& headroom) {
  if (!headroom) return nullptr;
  Json handles = nullptr;
  if (headroom->fileHandles)
    handles = Json{{"used", headroom->fileHandles->used}, {"limit", headroom->fileHandles->limit}};
  return Json{{"taken", timeJson(headroom->takenUs)},
              {"conntrack", conntrackJson(headroom->conntrack)},
              {"inotify", inotifyJson(headroom->inotify)},
              {"fileHandles", std::move(handles)}};
}

Headroom readHeadroom(const Json& json) {
  Headroom headroom;
  readTime(json, "taken", headroom.takenUs);
  if (find(json, "conntrack") != nullptr) headroom.conntrack = readConntrack(section(json, "conntrack"));
  if (find(json, "inotify") != nullptr) headroom.inotify = readInotify(section(json, "inotify"));
  if (find(json, "fileHandles") != nullptr) {
    Headroom::FileHandles handles;
    read(section(json, "fileHandles"), "used", handles.used);
    read(section(json, "fileHandles"), "limit", handles.limit);
    headroom.fileHandles = handles;
  }
  return headroom;
}

}  // namespace bedplate::report
