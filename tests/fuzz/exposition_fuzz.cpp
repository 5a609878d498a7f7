// What claims to be etcd's, Argo CD's or Flux's metrics: histograms hold together, differences and quantiles too.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tuning/bench/bench.h"

namespace bench = bedplate::bench;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const bench::Latencies& latencies) {
  require(latencies.counts.size() == latencies.leNs.size() + 1);
  require(std::isfinite(latencies.sumNs) && latencies.sumNs >= 0);
  for (std::size_t i = 1; i < latencies.leNs.size(); ++i) require(latencies.leNs[i - 1] < latencies.leNs[i]);
  const bench::Quantile p50 = bench::quantile(latencies, 0.5), p99 = bench::quantile(latencies, 0.99);
  if (p99.is != bench::Quantile::Is::unknown) {
    require(p50.ns <= p99.ns && p99.ns <= latencies.leNs.back());
    require(p99.is == bench::Quantile::Is::below || p99.ns >= latencies.leNs.front());
  }
  require(latencies.over(0) <= latencies.count());
  const auto none = bench::since(latencies, latencies);
  require(none && none->count() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const char* name : {"argocd_app_reconcile", "gotk_reconcile_duration_seconds"}) {
    const auto latencies = bench::parseLatencies(text, name);
    if (latencies && *latencies) check(**latencies);
  }
  // The input is two readings, one behind the other, or one twice.
  const std::size_t middle = text.find("\n\n");
  const auto before = bench::parseEtcd(text.substr(0, middle), 1'000'000'000);
  const auto after = bench::parseEtcd(middle == std::string::npos ? text : text.substr(middle + 2), 301'000'000'000);
  if (!before || !after) return 0;
  check(before->walFsync);
  check(after->backendCommit);
  if (const auto window = bench::between(*before, *after)) {
    require(window->walFsync.count() <= after->walFsync.count());
    check(window->walFsync);
    check(window->backendCommit);
  }
  bench::EtcdHistory history;
  history.add(*before);
  history.add(*after);
  const bench::EtcdResult result = bench::judgeEtcd(history, {});
  require(!bench::summary(bench::toJson(result, 1, bench::EtcdWindows::all), 2).empty());
  return 0;
}
