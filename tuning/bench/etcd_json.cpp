#include <nlohmann/json.hpp>

#include "tuning/bench/etcd.h"
#include "tuning/bench/exposition_json.h"

namespace bedplate::bench {
namespace {

using Json = nlohmann::ordered_json;

Json windowJson(const std::optional<EtcdWindow>& window) {
  if (!window) return nullptr;
  return {{"windowNs", window->windowNs},
          {"walFsync", latenciesJson(window->walFsync)},
          {"backendCommit", latenciesJson(window->backendCommit)},
          {"leaderChanges", window->leaderChanges},
          {"heartbeatFailures", window->heartbeatFailures}};
}

}  // namespace

std::string toJson(const EtcdResult& result, std::int64_t wallUs, EtcdWindows windows) {
  Json json = {{"probe", "etcd"},
               {"measuredUs", wallUs},
               {"verdict", name(result.verdict)},
               {"reason", result.reason},
               {"hasLeader", nullptr}};
  if (result.hasLeader) json["hasLeader"] = *result.hasLeader;
  json.update(result.window ? windowJson(result.window) : Json{{"windowNs", 0}});
  if (windows == EtcdWindows::all)
    json["windows"] = {{"5m", windowJson(result.recent)}, {"1d", windowJson(result.day)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace bedplate::bench
