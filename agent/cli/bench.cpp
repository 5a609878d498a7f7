// bedplate bench disk|steal|all
#include "agent/cli/bench.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "agent/cli/measured.h"
#include "agent/cli/verbs.h"

namespace bedplate::cli {
namespace {

using bench::Verdict;
using report::Json;

// The worst of them; what could not be told counts only when nothing was.
int exitOf(const std::vector<Verdict>& verdicts) {
  const auto any = [&](Verdict wanted) {
    return std::find(verdicts.begin(), verdicts.end(), wanted) != verdicts.end();
  };
  if (any(Verdict::unfit)) return 2;
  if (any(Verdict::marginal)) return 1;
  return any(Verdict::fit) ? 0 : 3;
}

int run(Context& context, const BenchAsked& asked) {
  constexpr int kUnknown = 3;
  if (asked.what == "history") return benchHistory(context, asked.window.empty() ? "24h" : asked.window);
  if (asked.closedLoop && !asked.force) {
    const auto error =
        host::fail("Refused", "--closed-loop", "writes as fast as the disk takes it and hurts a live etcd",
                   "add --force where no etcd runs");
    return context.fail("bench", error.value(), kUsage);
  }
  const StopOnInterrupt guard;
  Json json{{"card", nullptr}, {"disk", nullptr}, {"steal", nullptr}, {"pressure", nullptr}};
  const auto measured = [&]() -> host::Result<std::vector<Verdict>> {
    if (asked.what == "all") return benchAll(context, asked, json);
    BEDPLATE_TRY_LET(const Verdict verdict, (asked.what == "disk" ? benchDisk : benchSteal)(context, asked, json));
    return std::vector{verdict};
  }();
  if (!measured)
    return context.fail("bench " + asked.what, measured.error(),
                        measured.error().reason == "Invalid" ? kUsage : kUnknown);
  if (context.json()) context.out() << report::print(json);
  return exitOf(*measured);
}

}  // namespace

void addBench(CLI::App& app, Run& chosen) {
  auto asked = std::make_shared<BenchAsked>();
  auto* verb = app.add_subcommand("bench", "Measure what this node stands on; Ctrl-C ends it early");
  verb->add_option("WHAT", asked->what, "disk, steal or all; history: what was measured before")
      ->required()
      ->check(CLI::IsMember({"disk", "steal", "all", "history"}));
  verb->add_option("--dir", asked->directory, "disk: where to write; K3s's datastore without it");
  verb->add_option("--operations", asked->operations, "disk: how many writes")
      ->check(CLI::Range(10, 1'000'000))
      ->capture_default_str();
  verb->add_option("--rate", asked->rate, "disk: writes a second")
      ->check(CLI::Range(1.0, 1000.0))
      ->capture_default_str();
  verb->add_flag("--closed-loop", asked->closedLoop, "disk: as fast as it goes; needs --force");
  verb->add_flag("--force", asked->force, "disk: also a closed loop, and no end at a stall");
  verb->add_option("--for", asked->window,
                   "steal, all: how long to look at the CPUs (10s, of all 20s); history: how far back (24h)");
  verb->callback([&chosen, asked] { chosen = [asked](Context& context) { return run(context, *asked); }; });
}

}  // namespace bedplate::cli
