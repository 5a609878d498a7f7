// Results of the disk as JSON, and back from the state database, where they are as foreign as any stored text.
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "tuning/bench/disk.h"
#include "tuning/bench/disk_json.h"
#include "tuning/bench/disk_window.h"

namespace bedplate::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxText = 256 << 10;
// A run of the daemon has hundreds of operations, one by hand some thousands.
constexpr std::uint64_t kMaxOperations = 100'000'000;
constexpr const char* kWrites = "writes";
constexpr const char* kCheckpoints = "checkpoints";
constexpr std::int64_t kMaxUs = std::int64_t{1} << 53;

std::string written(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json orNull(const std::optional<std::uint64_t>& value) { return value ? Json(*value) : Json(nullptr); }

void put(Json& json, const Percentiles& found) {
  json["p50Ns"] = orNull(found.p50Ns);
  json["p90Ns"] = orNull(found.p90Ns);
  json["p99Ns"] = orNull(found.p99Ns);
  json["p99LowNs"] = orNull(found.p99LowNs);
  json["p99HighNs"] = orNull(found.p99HighNs);
  json["p999Ns"] = orNull(found.p999Ns);
  json["maxNs"] = found.maxNs;
}

Json bucketsOf(const Histogram& histogram) {
  Json buckets = Json::array();
  for (const auto& [index, count] : histogram.sparse()) buckets.push_back({index, count});
  return buckets;
}

Json partOf(const Histogram& histogram) {
  if (histogram.count() == 0) return nullptr;
  Json json{{"operations", histogram.count()}};
  put(json, percentilesOf(histogram));
  json["buckets"] = bucketsOf(histogram);
  return json;
}

std::optional<std::uint64_t> wholeAt(const Json& json, const char* key, std::uint64_t most) {
  const auto at = json.find(key);
  if (at == json.end() || !at->is_number_unsigned()) return std::nullopt;
  const auto value = at->get<std::uint64_t>();
  return value <= most ? std::optional(value) : std::nullopt;
}

// Ascending and none twice, so that nothing is counted twice; with the sum bounded.
std::optional<Histogram::Sparse> sparseAt(const Json& json, const char* key) {
  const auto at = json.find(key);
  if (at == json.end() || !at->is_array() || at->size() > Histogram::kBuckets) return std::nullopt;
  Histogram::Sparse sparse;
  std::uint64_t sum = 0;
  for (const auto& one : *at) {
    if (!one.is_array() || one.size() != 2 || !one[0].is_number_unsigned() || !one[1].is_number_unsigned())
      return std::nullopt;
    const auto index = one[0].get<std::uint64_t>(), count = one[1].get<std::uint64_t>();
    if (index >= Histogram::kBuckets || count > kMaxOperations) return std::nullopt;
    if (!sparse.empty() && index <= sparse.back().first) return std::nullopt;
    sum += count;
    if (sum > kMaxOperations) return std::nullopt;
    sparse.emplace_back(static_cast<std::uint16_t>(index), static_cast<std::uint32_t>(count));
  }
  return sparse;
}

}  // namespace

std::string toJson(const DiskResult& result, std::int64_t wallUs) {
  Json json{{"probe", "disk"},
            {"measuredUs", wallUs},
            {"verdict", name(result.judged.verdict)},
            {"reason", result.judged.reason},
            {"operations", result.service.count()},
            {"perSecond", result.perSecond},
            {"writeBytes", result.writeBytes}};
  put(json, percentilesOf(result.service));
  json["stalls"] = result.stalls;
  json["stopped"] = result.stopped;
  json["judgedBy"] = result.sqlite ? kCheckpoints : kWrites;
  json["durationNs"] = result.durationNs;
  const Percentiles response = percentilesOf(result.response);
  json["responseP50Ns"] = orNull(response.p50Ns);
  json["responseP90Ns"] = orNull(response.p90Ns);
  json["responseP99Ns"] = orNull(response.p99Ns);
  json["responseP999Ns"] = orNull(response.p999Ns);
  json["responseMaxNs"] = response.count > 0 ? Json(response.maxNs) : Json(nullptr);
  json["checkpoint"] = partOf(result.checkpoints);
  json["buckets"] = bucketsOf(result.service);
  json["responseBuckets"] = bucketsOf(result.response);
  return written(json);
}

std::string toJson(const DiskDay& day, const DiskSkip& skip) {
  Json json{{"probe", "disk"},
            {"measuredUs", day.measuredUs},
            {"verdict", name(day.judged.verdict)},
            {"reason", day.judged.reason},
            {"windowNs", day.windowNs},
            {"rounds", day.rounds},
            {"operations", day.seen.service.count()}};
  put(json, percentilesOf(day.seen.service));
  json["stalls"] = day.seen.stalls;
  json["judgedBy"] = day.sqlite ? kCheckpoints : kWrites;
  json["skipped"] = skip.reason.empty() ? Json(nullptr) : Json{{"atUs", skip.wallUs}, {"reason", skip.reason}};
  json["checkpoint"] = partOf(day.seen.checkpoints);
  json["buckets"] = bucketsOf(day.seen.service);
  return written(json);
}

std::string toJson(const DiskSkip& skip) {
  return written({{"probe", "disk"}, {"skippedUs", skip.wallUs}, {"reason", skip.reason}});
}

std::optional<DiskSkip> diskSkip(const std::string& text) {
  if (text.size() > kMaxText) return std::nullopt;
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const auto at = wholeAt(json, "skippedUs", kMaxUs);
  const auto reason = json.find("reason");
  if (!at || reason == json.end() || !reason->is_string()) return std::nullopt;
  return DiskSkip{static_cast<std::int64_t>(*at), reason->get<std::string>()};
}

std::optional<DiskRound> diskRound(const std::string& text) {
  if (text.size() > kMaxText) return std::nullopt;
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const auto measured = wholeAt(json, "measuredUs", kMaxUs);
  const auto max = wholeAt(json, "maxNs", std::numeric_limits<std::int64_t>::max());
  const auto stalls = wholeAt(json, "stalls", kMaxOperations);
  auto service = sparseAt(json, "buckets");
  if (!measured || !max || !stalls || !service) return std::nullopt;
  DiskRound round;
  round.wallUs = static_cast<std::int64_t>(*measured);
  round.service = *std::move(service);
  round.maxNs = *max;
  round.stalls = *stalls;
  const auto judgedBy = json.find("judgedBy");
  round.sqlite = judgedBy != json.end() && judgedBy->is_string() && *judgedBy == kCheckpoints;
  const auto checkpoint = json.find("checkpoint");
  if (checkpoint != json.end() && checkpoint->is_object()) {
    const auto checkpointMax = wholeAt(*checkpoint, "maxNs", std::numeric_limits<std::int64_t>::max());
    auto buckets = sparseAt(*checkpoint, "buckets");
    if (!checkpointMax || !buckets) return std::nullopt;
    round.checkpoints = *std::move(buckets);
    round.checkpointMaxNs = *checkpointMax;
  }
  return round;
}

}  // namespace bedplate::bench
