// The sample "steal" as JSON: docs/bench.md, docs/bench.schema.json.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "tuning/bench/bench.h"

namespace bedplate::bench {
namespace {

using Json = nlohmann::ordered_json;

// A sample is to stay small, whatever the machine.
constexpr std::size_t kMostCpus = 256;

Json orNull(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json noiseJson(const Noise& noise) {
  return {{"ratio", orNull(noise.ratio)},
          {"maxGapNs", noise.longestNs},
          {"sampledNs", noise.ownNs},
          {"gaps", noise.gaps},
          {"bursts", noise.bursts},
          {"beneathNs", noise.beneathNs},
          {"reportedNs", noise.stealNs},
          {"interruptNs", noise.interruptNs},
          {"preemptedNs", noise.preemptedNs},
          {"throttledNs", noise.throttledNs},
          {"slower", orNull(noise.slower)},
          {"clockNs", noise.clockNs},
          {"why", noise.why}};
}

Json windowsJson(const StealWindows& windows) {
  Json json;
  for (std::size_t i = 0; i < StealWindows::kCount; ++i)
    json[StealWindows::kNames[i]] = orNull(windows.shares[i].ratio);
  return json;
}

// A CPU that is offline, and was in no window and no burst, is left out.
Json cpusJson(const CpuResult& result) {
  Json json = Json::array();
  std::size_t count = result.perCpu.size();
  for (const auto& share : result.windows.shares) count = std::max(count, share.perCpu.size());
  for (std::size_t cpu = 0; cpu < std::min(count, kMostCpus); ++cpu) {
    Json one = {{"cpu", cpu}};
    bool seen = false;
    for (std::size_t i = 0; i < StealWindows::kCount; ++i) {
      const auto& perCpu = result.windows.shares[i].perCpu;
      const auto ratio = cpu < perCpu.size() ? perCpu[cpu] : std::nullopt;
      one[StealWindows::kNames[i]] = orNull(ratio);
      seen = seen || ratio;
    }
    const Noise noise = cpu < result.perCpu.size() ? result.perCpu[cpu] : Noise{};
    one["hidden"] = orNull(noise.ratio);
    one["maxGapNs"] = noise.longestNs;
    one["sampledNs"] = noise.ownNs;
    one["slower"] = orNull(noise.slower);
    if (seen || noise.bursts > 0) json.push_back(std::move(one));
  }
  return json;
}

Json perCpuJson(const StealResult& visible) {
  Json json = Json::array();
  for (const auto& ratio : visible.perCpu)
    if (json.size() < kMostCpus) json.push_back(orNull(ratio));
  return json;
}

Json pressureJson(const Pressures& pressures) {
  Json json;
  for (std::size_t i = 0; i < pressures.of.size(); ++i) {
    const auto& one = pressures.of[i];
    json[Pressures::kNames[i]] = one && one->some ? Json(one->some->avg300) : Json(nullptr);
  }
  return json;
}

Json stalledJson(const std::optional<Stalled>& stalled) {
  if (!stalled) return nullptr;
  return {
      {"avg10", stalled->avg10}, {"avg60", stalled->avg60}, {"avg300", stalled->avg300}, {"totalUs", stalled->totalUs}};
}

std::string written(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string toJson(const CpuResult& result, std::int64_t wallUs) {
  Json json = {{"probe", "steal"},
               {"measuredUs", wallUs},
               {"verdict", name(result.verdict)},
               {"reason", result.reason},
               {"ratio", orNull(result.visible.ratio)},
               {"perCpu", perCpuJson(result.visible)},
               {"windowNs", result.visible.windowNs},
               {"windows", windowsJson(result.windows)},
               {"cpus", cpusJson(result)},
               {"hidden", noiseJson(result.hidden)}};
  if (result.peak)
    json["max"] = {{"1m", orNull(result.peak->minute)},
                   {"hidden", orNull(result.peak->hidden)},
                   {"maxGapNs", result.peak->longestNs}};
  json["pressure"] = pressureJson(result.pressure);
  return written(json);
}

std::string toJson(const Pressures& pressures) {
  Json json;
  for (std::size_t i = 0; i < pressures.of.size(); ++i) {
    const auto& one = pressures.of[i];
    json[Pressures::kNames[i]] =
        one ? Json{{"some", stalledJson(one->some)}, {"full", stalledJson(one->full)}} : Json(nullptr);
  }
  return written(json);
}

}  // namespace bedplate::bench
