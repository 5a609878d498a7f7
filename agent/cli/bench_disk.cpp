// bedplate bench disk
#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "agent/cli/bench.h"
#include "agent/report/text.h"
#include "agent/report/verdict.h"
#include "tuning/host/paths.h"

namespace bedplate::cli {
namespace {

using bench::Verdict;

std::string milliseconds(std::uint64_t ns) { return fmt::format("{:.2f} ms", static_cast<double>(ns) / 1e6); }

// Where etcd or SQLite of K3s write, or the nearest place on what will be their file system.
std::string datastore(host::HostFiles& files) {
  const std::string server = host::paths::k3sServerDir;
  for (std::string path = server + "/db"; !path.empty(); path = host::parentPath(path)) {
    const auto info = files.info(path);
    if (info && info->kind == host::FileKind::directory) return path;
  }
  return {};
}

host::Result<bench::DiskResult> measureDisk(Context& context, const bench::DiskOptions& options) {
  Bar bar(context, "disk ");
  return bench::measureDisk(context.files(), options, std::ref(bar), &StopOnInterrupt::flag());
}

// For `bedplate status`; who may not write there has measured all the same.
void keep(Context& context, const std::string& result) {
  static_cast<void>(
      host::replaceFile(context.files(), {report::diskResultPath(), result, 0644, ::geteuid(), ::getegid()}));
}

}  // namespace

std::string benchDirectory(Context& context, const BenchAsked& asked) {
  if (asked.directory.empty()) return datastore(context.files());
  return asked.directory.substr(asked.directory.starts_with('/') ? 1 : 0);
}

host::Result<Verdict> benchDisk(Context& context, const BenchAsked& asked, report::Json& json) {
  constexpr std::uint64_t kStallNs = 1'000'000'000;
  bench::DiskOptions options;
  options.directory = benchDirectory(context, asked);
  options.operations = asked.operations;
  options.perSecond = asked.closedLoop ? 0 : asked.rate;
  // Beside a live etcd: a disk that stalls is not asked for more.
  options.stopAfterNs = asked.force ? 0 : kStallNs;
  BEDPLATE_TRY_LET(auto result, measureDisk(context, options));
  const Verdict verdict = bench::judgeDisk(result, options);
  const std::string written = bench::toJson(result, context.clock().wallUs());
  json["disk"] = report::embedded(written);
  keep(context, written);
  if (context.json() || asked.brief) return verdict;

  const std::string pace = asked.closedLoop ? "in a closed loop" : fmt::format("{:g} a second", asked.rate);
  context.out() << "disk  " << context.files().shown(options.directory) << "\n";
  benchRow(context, "writes",
           fmt::format("{} of {} bytes, {}{}", result.operations, options.writeBytes, pace,
                       result.stopped ? ", stopped early" : ""));
  benchRow(
      context, "fdatasync",
      fmt::format("p50 {}  p90 {}  p99 {}  p99.9 {}  max {}", milliseconds(result.p50Ns), milliseconds(result.p90Ns),
                  milliseconds(result.p99Ns), milliseconds(result.p999Ns), milliseconds(result.maxNs)));
  if (!asked.closedLoop)
    benchRow(context, "response",
             fmt::format("p99 {}  max {}, from the schedule", milliseconds(result.responseP99Ns),
                         milliseconds(result.responseMaxNs)));
  benchRow(context, "stalls", fmt::format("{} over 500 ms", result.stalls));
  verdictRow(context, verdict, result.reason);
  return verdict;
}

}  // namespace bedplate::cli
