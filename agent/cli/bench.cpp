// bedplate bench disk|steal|all
#include "agent/cli/bench.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "agent/cli/arguments.h"
#include "agent/cli/measured.h"

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
  const Verb verb(app, "bench", "Measure what this node stands on; Ctrl-C ends it early");
  verb.option("WHAT", asked->what, "disk, steal or all; history: what was measured before")
      .required()
      .oneOf({"disk", "steal", "all", "history"});
  verb.option("--path", asked->path, "disk: a directory on it; K3s's datastore without it").named("DIR");
  verb.option("--rate", asked->rate, "disk: writes a second").between(1.0, 1000.0).showsDefault();
  verb.flag("--paced", asked->paced, "disk: no closed loop of 10,000 writes after the paced ones");
  verb.flag("--force", asked->force, "disk: a closed loop also beside a live etcd, and no end at a stall");
  verb.option("--for", asked->window, "how long to look (10s, at the CPUs of all 20s); history: how far back (24h)");
  verb.runs(chosen, [asked](Context& context) { return run(context, *asked); });
}

}  // namespace bedplate::cli
