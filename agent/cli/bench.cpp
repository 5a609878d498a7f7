// bedplate bench disk|steal|all
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <nlohmann/json.hpp>
#include <ostream>

#include "agent/cli/verbs.h"
#include "agent/report/json.h"
#include "agent/report/text.h"
#include "agent/report/verdict.h"
#include "tuning/bench/bench.h"
#include "tuning/host/paths.h"

namespace bedplate::cli {
namespace {

using bench::Verdict;
using report::Json;

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set from a signal handler");

// Ctrl-C ends a measurement early, with what it has.
class StopOnInterrupt {
 public:
  StopOnInterrupt() {
    interrupted = false;
    struct sigaction action{};
    action.sa_handler = [](int) { interrupted = true; };
    ::sigaction(SIGINT, &action, &before_);
  }
  StopOnInterrupt(const StopOnInterrupt&) = delete;
  StopOnInterrupt& operator=(const StopOnInterrupt&) = delete;
  ~StopOnInterrupt() { ::sigaction(SIGINT, &before_, nullptr); }

 private:
  struct sigaction before_{};
};

struct Asked {
  std::string what;
  std::string directory;  // as given
  std::string window = "10s";
  std::uint64_t operations = 500;
  double rate = 50;
  bool closedLoop = false, force = false;
};

// A bar on a terminal, nothing elsewhere. Goes to stderr: stdout is for results.
class Bar {
 public:
  Bar(Context& context, std::string label) : context_(context), label_(std::move(label)) {}
  Bar(const Bar&) = delete;
  Bar& operator=(const Bar&) = delete;
  ~Bar() {
    if (shown_ >= 0) context_.err() << "\r\x1b[K" << std::flush;
  }
  void operator()(double share) {
    constexpr int kCells = 40;
    if (!context_.terminal().tty || context_.json()) return;
    const int percent = std::clamp(static_cast<int>(share * 100), 0, 100);
    if (percent == shown_) return;
    shown_ = percent;
    const auto full = static_cast<std::size_t>(percent * kCells / 100);
    context_.err() << fmt::format("\r{} [{}{}] {:3}%", label_, std::string(full, '#'), std::string(kCells - full, '.'),
                                  percent)
                   << std::flush;
  }

 private:
  Context& context_;
  std::string label_;
  int shown_ = -1;
};

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

report::Colour colourOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::fit: return report::Colour::green;
    case Verdict::unfit: return report::Colour::red;
    case Verdict::marginal:
    case Verdict::unknown: break;
  }
  return report::Colour::yellow;
}

void row(Context& context, std::string_view label, const std::string& text) {
  context.out() << report::paint(fmt::format("  {:<12}", label), report::Colour::faint, context.terminal().colour)
                << report::clean(text) << "\n";
}

void verdictRow(Context& context, Verdict verdict, const std::string& reason) {
  const bool colour = context.terminal().colour;
  context.out() << report::paint(fmt::format("  {:<12}", "verdict"), report::Colour::faint, colour)
                << report::paint(bench::name(verdict), colourOf(verdict), colour)
                << (reason.empty() ? "" : ": " + report::clean(reason)) << "\n";
}

host::Result<bench::DiskResult> measureDisk(Context& context, const bench::DiskOptions& options) {
  Bar bar(context, "disk ");
  return bench::measureDisk(context.files(), options, std::ref(bar), &interrupted);
}

// For `bedplate status`; who may not write there has measured all the same.
void keep(Context& context, const std::string& result) {
  static_cast<void>(
      host::replaceFile(context.files(), {report::diskResultPath(), result, 0644, ::geteuid(), ::getegid()}));
}

host::Result<Verdict> disk(Context& context, const Asked& asked, Json& json) {
  constexpr std::uint64_t kStallNs = 1'000'000'000;
  bench::DiskOptions options;
  const bool slash = asked.directory.starts_with('/');
  options.directory = asked.directory.empty() ? datastore(context.files()) : asked.directory.substr(slash ? 1 : 0);
  options.operations = asked.operations;
  options.perSecond = asked.closedLoop ? 0 : asked.rate;
  // Beside a live etcd: a disk that stalls is not asked for more.
  options.stopAfterNs = asked.force ? 0 : kStallNs;
  BEDPLATE_TRY_LET(auto result, measureDisk(context, options));
  const Verdict verdict = bench::judgeDisk(result, options);
  const std::string written = bench::toJson(result, context.clock().wallUs());
  json["disk"] = report::embedded(written);
  keep(context, written);
  if (context.json()) return verdict;

  const std::string pace = asked.closedLoop ? "in a closed loop" : fmt::format("{:g} a second", asked.rate);
  context.out() << "disk  " << context.files().shown(options.directory) << "\n";
  row(context, "writes",
      fmt::format("{} of {} bytes, {}{}", result.operations, options.writeBytes, pace,
                  result.stopped ? ", stopped early" : ""));
  row(context, "fdatasync",
      fmt::format("p50 {}  p90 {}  p99 {}  p99.9 {}  max {}", milliseconds(result.p50Ns), milliseconds(result.p90Ns),
                  milliseconds(result.p99Ns), milliseconds(result.p999Ns), milliseconds(result.maxNs)));
  if (!asked.closedLoop)
    row(context, "response",
        fmt::format("p99 {}  max {}, from the schedule", milliseconds(result.responseP99Ns),
                    milliseconds(result.responseMaxNs)));
  row(context, "stalls", fmt::format("{} over 500 ms", result.stalls));
  verdictRow(context, verdict, result.reason);
  return verdict;
}

void sleepMs(std::int64_t ms) {
  const timespec time{ms / 1000, (ms % 1000) * 1'000'000};
  ::nanosleep(&time, nullptr);
}

host::Result<bench::StealSample> sampleAfter(Context& context, std::int64_t beginNs, std::int64_t windowMs) {
  constexpr std::int64_t kStepMs = 100;
  Bar bar(context, "steal");
  const std::int64_t windowNs = windowMs * 1'000'000;
  for (;;) {
    const std::int64_t elapsed = context.clock().monotonicNs() - beginNs;
    if (elapsed >= windowNs || interrupted) break;
    bar(static_cast<double>(elapsed) / static_cast<double>(windowNs));
    sleepMs(std::min(kStepMs, (windowNs - elapsed) / 1'000'000 + 1));
  }
  return bench::readSteal(context.files(), context.clock().monotonicNs());
}

host::Result<Verdict> steal(Context& context, const Asked& asked, Json& json) {
  constexpr double kLimit = 0.05;
  const auto windowMs = config::parseDurationMs(asked.window);
  if (!windowMs || *windowMs < 1000)
    return host::fail("Invalid", "--for", "'" + asked.window + "' is no duration of a second or more", "write 10s, 5m");
  std::string why;
  const bool reported = bench::stealReported(context.files(), why);
  const std::int64_t begin = context.clock().monotonicNs();
  BEDPLATE_TRY_LET(const auto before, bench::readSteal(context.files(), begin));
  BEDPLATE_TRY_LET(const auto after, sampleAfter(context, begin, *windowMs));
  const auto result = bench::compareSteal(before, after, reported, why, kLimit);
  json["steal"] = report::embedded(bench::toJson(result, context.clock().wallUs()));
  if (context.json()) return result.verdict;

  context.out() << "steal\n";
  row(context, "window", fmt::format("{:.1f} s", static_cast<double>(result.windowNs) / 1e9));
  row(context, "all CPUs", result.ratio ? fmt::format("{:.2f} %", *result.ratio * 100) : "unavailable: " + why);
  if (result.ratio && !result.perCpu.empty())
    row(context, "worst CPU",
        fmt::format("{:.2f} %", *std::max_element(result.perCpu.begin(), result.perCpu.end()) * 100));
  verdictRow(context, result.verdict, result.reason);
  return result.verdict;
}

// The worst of them; what could not be told counts only when nothing was.
int exitOf(const std::vector<Verdict>& verdicts) {
  const auto any = [&](Verdict wanted) {
    return std::find(verdicts.begin(), verdicts.end(), wanted) != verdicts.end();
  };
  if (any(Verdict::unfit)) return 2;
  if (any(Verdict::marginal)) return 1;
  return any(Verdict::fit) ? 0 : 3;
}

int run(Context& context, const Asked& asked) {
  constexpr int kUnknown = 3;
  if (asked.closedLoop && !asked.force) {
    const auto error =
        host::fail("Refused", "--closed-loop", "writes as fast as the disk takes it and hurts a live etcd",
                   "add --force where no etcd runs");
    return context.fail("bench", error.value(), kUsage);
  }
  const StopOnInterrupt guard;
  std::vector<Verdict> verdicts;
  Json json{{"disk", nullptr}, {"steal", nullptr}};
  for (const auto& [name, measure] : {std::pair{"disk", &disk}, std::pair{"steal", &steal}}) {
    if (asked.what != name && asked.what != "all") continue;
    const auto verdict = measure(context, asked, json);
    if (!verdict)
      return context.fail(std::string("bench ") + name, verdict.error(),
                          verdict.error().reason == "Invalid" ? kUsage : kUnknown);
    verdicts.push_back(*verdict);
  }
  if (context.json()) context.out() << report::print(json);
  return exitOf(verdicts);
}

}  // namespace

void addBench(CLI::App& app, Run& chosen) {
  auto asked = std::make_shared<Asked>();
  auto* verb = app.add_subcommand("bench", "Measure what this node stands on; Ctrl-C ends it early");
  verb->add_option("WHAT", asked->what, "disk, steal or all")
      ->required()
      ->check(CLI::IsMember({"disk", "steal", "all"}));
  verb->add_option("--dir", asked->directory, "disk: where to write; K3s's datastore without it");
  verb->add_option("--operations", asked->operations, "disk: how many writes")
      ->check(CLI::Range(10, 1'000'000))
      ->capture_default_str();
  verb->add_option("--rate", asked->rate, "disk: writes a second")
      ->check(CLI::Range(1.0, 1000.0))
      ->capture_default_str();
  verb->add_flag("--closed-loop", asked->closedLoop, "disk: as fast as it goes; needs --force");
  verb->add_flag("--force", asked->force, "disk: also a closed loop, and no end at a stall");
  verb->add_option("--for", asked->window, "steal: how long to look")->capture_default_str();
  verb->callback([&chosen, asked] { chosen = [asked](Context& context) { return run(context, *asked); }; });
}

}  // namespace bedplate::cli
