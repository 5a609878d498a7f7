#include "agent/daemon/etcd_probe.h"

#include <utility>

#include "agent/daemon/web_worker.h"
#include "agent/report/datastore.h"

namespace bedplate::daemon {
namespace {

constexpr std::size_t kMostBytes = 4 << 20;  // 70 to 150 kB on a small cluster
constexpr std::int64_t kDeadlineMs = 5000;
constexpr std::int64_t kSlackNs = 30'000'000'000;
constexpr int kPatience = 2;  // a restart of K3s is no reason to measure by writing

}  // namespace

std::optional<std::int64_t> EtcdProbe::dueNs(const Measuring& measuring, std::int64_t nowNs) {
  if (!measuring.active) return std::nullopt;
  return began_ ? lastNs_ + setup_.everyNs : nowNs;
}

host::Result<bench::EtcdReading> EtcdProbe::read(const std::atomic<bool>& cancel) {
  BEDPLATE_TRY_LET(auto worker, WebWorker::start(setup_.worker, cancel));
  source::HttpRequest request;
  request.url = setup_.url;
  request.mostBytes = kMostBytes;
  request.deadlineMs = kDeadlineMs;
  BEDPLATE_TRY_LET(const auto answer, worker.session().send(request));
  if (answer.status != 200)
    return host::fail("NotFound", setup_.url, "answers with status " + std::to_string(answer.status),
                      "what listens there is no etcd of K3s");
  return bench::parseEtcd(answer.body, setup_.clock.monotonicNs());
}

std::optional<Measured> EtcdProbe::gone() {
  history_.clear();
  if (!std::exchange(counted_, false)) return std::nullopt;
  return Measured{"etcd", "", false, ""};
}

std::optional<Measured> EtcdProbe::run(const Measuring& measuring, const std::atomic<bool>& cancel) {
  lastNs_ = setup_.clock.monotonicNs();
  began_ = true;
  // A node that keeps no etcd is not asked at all: what else listens there is none of our business.
  if (report::datastore(setup_.files).kind != report::Datastore::Kind::etcd) return gone();
  auto reading = read(cancel);
  if (cancel) return std::nullopt;
  if (!reading) {
    const Entry entry = entryFor(Level::notice, "etcd's own measurements cannot be read", reading.error());
    if (repeats_.worthSaying("etcd", entry.message, lastNs_)) setup_.journal.say(entry);
    return ++failures_ >= kPatience ? gone() : std::nullopt;
  }
  failures_ = 0;
  counted_ = true;
  repeats_.over("etcd");
  history_.add(*std::move(reading));
  bench::EtcdLimits limits;
  limits.walFsyncNs = static_cast<std::uint64_t>(measuring.diskP99LimitMs) * 1'000'000;
  const bench::EtcdResult result = bench::judgeEtcd(history_, limits);
  // The half hours that are kept follow each other, so that their histograms add up.
  const bool keep = result.window && result.window->windowNs >= bench::EtcdHistory::kMiddleNs - kSlackNs &&
                    (keptNs_ == 0 || lastNs_ - keptNs_ >= bench::EtcdHistory::kMiddleNs - kSlackNs);
  if (keep) keptNs_ = lastNs_;
  const std::int64_t wallUs = setup_.clock.wallUs();
  return Measured{"etcd", bench::toJson(result, wallUs, bench::EtcdWindows::all), keep,
                  bench::toJson(result, wallUs, bench::EtcdWindows::halfHour)};
}

}  // namespace bedplate::daemon
