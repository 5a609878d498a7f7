// bedplate report
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "agent/cli/arguments.h"
#include "agent/cli/bench.h"
#include "agent/cli/find_status.h"
#include "agent/cli/measured.h"
#include "agent/report/bench_history.h"
#include "agent/report/json.h"
#include "agent/report/page.h"

namespace bedplate::cli {
namespace {

struct Asked {
  std::string window = "7d";
  bool hostOnly = false;
};

int run(Context& context, const Asked& asked) {
  constexpr std::size_t kGenerations = 20;
  auto measured = measuredLast(context, asked.window);
  if (!measured) return context.fail("report", measured.error(), measured.error().reason == "Invalid" ? kUsage : 1);
  FoundStatus found = findStatus(context);
  if (context.json()) {
    report::Json json{{"status", report::embedded(report::toJson(*found.status))},
                      {"history", report::measurementsJson(*measured)}};
    context.out() << report::print(json);
    return 0;
  }
  report::PageInput input;
  input.status = std::move(*found.status);
  input.measurements = std::move(*measured);
  input.nowUs = context.clock().wallUs();
  input.hostOnly = asked.hostOnly;
  input.card = bench::toJson(bench::readCard(context.files(), benchDirectory(context, {})));
  if (auto store = context.openStore())
    if (auto generations = store->history(kGenerations)) input.generations = std::move(*generations);
  context.out() << report::page(input);
  return 0;
}

}  // namespace

void addReport(CLI::App& app, Run& chosen) {
  auto asked = std::make_shared<Asked>();
  const Verb verb(app, "report", "A page in HTML: what disk and CPU of this host are worth, with plots");
  verb.option("--for", asked->window, "How far back").showsDefault();
  verb.flag("--host-only", asked->hostOnly, "Without repository, commits, generations and drift");
  verb.runs(chosen, [asked](Context& context) { return run(context, *asked); });
}

}  // namespace bedplate::cli
