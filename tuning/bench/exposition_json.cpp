#include "tuning/bench/exposition_json.h"

#include <nlohmann/json.hpp>

namespace bedplate::bench {
namespace {

using Json = nlohmann::ordered_json;

// A number where there is one: in the first bucket and with too few observations there is none.
Json quantileJson(const Quantile& quantile) {
  const bool known = quantile.is == Quantile::Is::about || quantile.is == Quantile::Is::above;
  return known ? Json(quantile.ns) : Json(nullptr);
}

}  // namespace

Json latenciesJson(const Latencies& latencies) {
  const Quantile p99 = quantile(latencies, 0.99);
  Json buckets = Json::array();
  for (std::size_t i = 0; i < latencies.counts.size(); ++i) {
    if (latencies.counts[i] == 0) continue;
    buckets.push_back({i < latencies.leNs.size() ? Json(latencies.leNs[i]) : Json(nullptr), latencies.counts[i]});
  }
  return {{"count", latencies.count()},
          {"meanNs", latencies.meanNs()},
          {"p50Ns", quantileJson(quantile(latencies, 0.5))},
          {"p99Ns", quantileJson(p99)},
          {"enough", p99.is != Quantile::Is::unknown},
          {"firstBucketNs", latencies.leNs.empty() ? 0 : latencies.leNs.front()},
          {"buckets", std::move(buckets)}};
}

std::string toJson(const Latencies& latencies) { return latenciesJson(latencies).dump(); }

}  // namespace bedplate::bench
