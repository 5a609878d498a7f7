// bedplate bench disk
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "agent/cli/bench.h"
#include "agent/cli/bench_plot.h"
#include "agent/report/datastore.h"
#include "agent/report/text.h"
#include "agent/report/verdict.h"

namespace bedplate::cli {
namespace {

using bench::Verdict;

constexpr std::uint64_t kStallNs = 1'000'000'000;
constexpr std::uint64_t kClosedLoop = 10'000;  // what fio's recipe for etcd comes to (22 MiB of 2300 bytes)
constexpr std::uint64_t kClosedLoopNs = 15'000'000'000;
constexpr std::uint64_t kCheckpoints = 20;
constexpr std::uint64_t kCheckpointEveryNs = 250'000'000;
constexpr std::int64_t kCommitLimitMs = 25;  // etcd's documentation, of backend_commit p99

struct Found {
  report::Datastore store;
  std::string alive;  // why etcd may be; "" when it is not
  bench::DiskLimits limits;
  bench::DiskResult paced;
  std::optional<bench::DiskResult> closed;
  std::string notClosed;  // why there is no closed loop
};

void stage(Context& context, const char* label, const std::function<host::Status(const bench::Progress&)>& measure,
           host::Status& status) {
  if (!status) return;
  Bar bar(context, label);
  status = measure(std::ref(bar));
}

// What node.yaml says, as far as a daemon has seen it here.
std::uint64_t p99LimitNs(Context& context) {
  auto store = context.openStore();
  const auto said = store ? store->benchmark() : tl::make_unexpected(store.error());
  const auto ms = said ? said->diskP99LimitMs : std::nullopt;
  return ms ? static_cast<std::uint64_t>(*ms) * 1'000'000 : bench::DiskLimits{}.p99Ns;
}

report::Datastore place(Context& context, const BenchAsked& asked) {
  report::Datastore store = report::datastore(context.files());
  if (asked.path.empty()) return store;
  std::string path = asked.path.substr(std::min(asked.path.find_first_not_of('/'), asked.path.size()));
  // Another place is another disk, for all that is known: etcd's limits for it.
  if (path != store.directory) store.kind = report::Datastore::Kind::none;
  store.directory = std::move(path);
  return store;
}

host::Result<Found> measure(Context& context, const BenchAsked& asked) {
  // Of `all` it is the CPUs that are looked at for longer.
  const std::string window = asked.window.empty() || asked.brief ? "10s" : asked.window;
  const auto forMs = config::parseDurationMs(window);
  if (!forMs || *forMs < 1000)
    return host::fail("Invalid", "--for", "'" + window + "' is no duration of a second or more", "write 10s, 5m");
  Found found;
  found.store = place(context, asked);
  found.alive = report::liveEtcd(context.files(), report::datastore(context.files()));
  found.limits.p99Ns = p99LimitNs(context);
  found.limits.sqlite = found.store.kind == report::Datastore::Kind::sqlite;
  const auto* cancel = &StopOnInterrupt::flag();

  bench::DiskOptions options;
  options.directory = found.store.directory;
  options.perSecond = asked.rate;
  options.operations =
      std::max<std::uint64_t>(static_cast<std::uint64_t>(asked.rate * static_cast<double>(*forMs) / 1000), 1);
  // Beside a live etcd a disk that stalls is not asked for more.
  options.stopAfterNs = found.alive.empty() || asked.force ? 0 : kStallNs;
  host::Status status;
  const auto run = [&](const bench::DiskOptions& with, bench::DiskResult& into) {
    return [&](const bench::Progress& progress) -> host::Status {
      BEDPLATE_TRY_LET(into, bench::measureDisk(context.files(), with, progress, cancel));
      return {};
    };
  };
  stage(context, "disk, paced      ", run(options, found.paced), status);
  BEDPLATE_TRY(status);
  found.paced.sqlite = found.limits.sqlite;
  if (found.limits.sqlite && !found.paced.stopped) {
    const bench::CheckpointOptions checkpoints{
        .directory = options.directory, .checkpoints = kCheckpoints, .everyNs = kCheckpointEveryNs};
    stage(
        context, "disk, checkpoints",
        [&](const bench::Progress& progress) {
          return bench::measureCheckpoints(context.files(), checkpoints, found.paced, progress, cancel);
        },
        status);
    BEDPLATE_TRY(status);
  }
  bench::judgeDisk(found.paced, found.limits);

  if (asked.paced) found.notClosed = "--paced";
  if (!asked.force && !found.alive.empty()) found.notClosed = found.alive + "; --force measures all the same";
  if (found.paced.stopped) found.notClosed = "ended early";
  if (!found.notClosed.empty()) return found;
  options.perSecond = 0;
  options.operations = kClosedLoop;
  options.longestNs = kClosedLoopNs;
  bench::DiskResult closed;
  stage(context, "disk, closed loop", run(options, closed), status);
  BEDPLATE_TRY(status);
  bench::judgeDisk(closed, found.limits);
  found.closed = std::move(closed);
  return found;
}

// The worse of the two readings; of a closed loop the single writes say nothing for SQLite.
bench::Judged judged(const Found& found) {
  if (!found.closed || found.limits.sqlite || found.closed->judged.verdict == Verdict::unknown)
    return found.paced.judged;
  if (found.paced.judged.verdict != Verdict::unknown && found.closed->judged.verdict <= found.paced.judged.verdict)
    return found.paced.judged;
  return {found.closed->judged.verdict, "in a closed loop: " + found.closed->judged.reason};
}

// For `bedplate status`; who may not write there has measured all the same.
void keep(Context& context, const std::string& result) {
  static_cast<void>(
      host::replaceFile(context.files(), {report::diskResultPath(), result, 0644, ::geteuid(), ::getegid()}));
}

std::string ms(const std::optional<std::uint64_t>& ns) {
  return ns ? fmt::format("{:.2f}", static_cast<double>(*ns) / 1e6) : "-";
}

void tableRow(Context& context, const char* label, const bench::Percentiles& found) {
  const std::string interval =
      found.p99LowNs ? fmt::format("{} to {}", ms(found.p99LowNs), found.p99HighNs ? ms(found.p99HighNs) : "?") : "-";
  benchRow(context, label,
           fmt::format("{:>8} {:>8} {:>8}  {:<18} {:>8} {:>8}", ms(found.p50Ns), ms(found.p90Ns), ms(found.p99Ns),
                       interval, ms(found.p999Ns), ms(found.maxNs)));
}

void print(Context& context, const Found& found, const BenchAsked& asked, const bench::Judged& verdict) {
  context.out() << "disk  " << report::clean(context.files().shown(found.store.directory))
                << "  (datastore: " << report::name(found.store.kind) << ")\n";
  benchRow(context, "ms",
           fmt::format("{:>8} {:>8} {:>8}  {:<18} {:>8} {:>8}", "p50", "p90", "p99", "95 % interval", "p99.9", "max"));
  tableRow(context, "fdatasync", bench::percentilesOf(found.paced.service));
  tableRow(context, "response", bench::percentilesOf(found.paced.response));
  if (found.closed) tableRow(context, "closed loop", bench::percentilesOf(found.closed->service));
  if (found.paced.checkpoints.count() > 0)
    tableRow(context, "checkpoint", bench::percentilesOf(found.paced.checkpoints));
  const std::string none;
  if (found.limits.sqlite)
    benchRow(context, "limit",
             fmt::format("{:>8} {:>8} {:>8}  {:<18} {:>8} {:>8}", none, ms(found.limits.checkpointNs), none,
                         "of checkpoints", none, ms(found.limits.checkpointNs)));
  else
    benchRow(context, "limit",
             fmt::format("{:>8} {:>8} {:>8}  {:<18} {:>8} {:>8}", none, none, ms(found.limits.p99Ns), none, none,
                         ms(bench::kStallNs)));
  context.out() << "\n";
  std::vector<Plotted> plotted{{fmt::format("fdatasync, {:g}/s", asked.rate), &found.paced.service}};
  if (found.closed) plotted.push_back({"fdatasync, closed loop", &found.closed->service});
  for (const auto& line :
       plot(plotted, {std::clamp(context.terminal().columns, 40, 120), context.terminal().unicode, found.limits.p99Ns}))
    context.out() << line << "\n";
  context.out() << "\n";
  benchRow(context, "writes",
           fmt::format("{} of {} bytes at {:g}/s{}{}", found.paced.service.count(), found.paced.writeBytes, asked.rate,
                       found.closed ? fmt::format(", {} in a closed loop in {:.1f} s", found.closed->service.count(),
                                                  static_cast<double>(found.closed->durationNs) / 1e9)
                                    : "",
                       found.paced.stopped ? ", ended early" : ""));
  if (!found.closed) benchRow(context, "closed loop", "not measured: " + found.notClosed);
  benchRow(context, "stalls",
           fmt::format("{} over 500 ms", found.paced.stalls + (found.closed ? found.closed->stalls : 0)));
  if (!found.limits.sqlite)
    benchRow(context, "context",
             fmt::format("etcd's limit for a commit, which is two such flushes: p99 {} ms", kCommitLimitMs));
  verdictRow(context, verdict.verdict, verdict.reason);
}

report::Json jsonOf(Context& context, const Found& found, const bench::Judged& verdict, std::int64_t wallUs) {
  report::Json json = report::embedded(bench::toJson(found.paced, wallUs));
  json["verdict"] = bench::name(verdict.verdict);
  json["reason"] = verdict.reason;
  json["directory"] = context.files().shown(found.store.directory);
  json["datastore"] = report::name(found.store.kind);
  json["p99LimitNs"] = found.limits.p99Ns;
  json["closedLoop"] = nullptr;
  if (found.closed) json["closedLoop"] = report::embedded(bench::toJson(*found.closed, wallUs));
  json["closedLoopSkipped"] = found.notClosed.empty() ? report::Json(nullptr) : report::Json(found.notClosed);
  return json;
}

}  // namespace

std::string benchDirectory(Context& context, const BenchAsked& asked) { return place(context, asked).directory; }

host::Result<Verdict> benchDisk(Context& context, const BenchAsked& asked, report::Json& json) {
  BEDPLATE_TRY_LET(const Found found, measure(context, asked));
  const bench::Judged verdict = judged(found);
  const std::int64_t now = context.clock().wallUs();
  json["disk"] = jsonOf(context, found, verdict, now);
  bench::DiskResult kept = found.paced;
  kept.judged = verdict;
  keep(context, bench::toJson(kept, now));
  if (!context.json() && !asked.brief) print(context, found, asked, verdict);
  return verdict.verdict;
}

}  // namespace bedplate::cli
