// bedplate history, bedplate show N
#include <memory>
#include <ostream>

#include "agent/cli/arguments.h"

namespace bedplate::cli {
namespace {

constexpr int kWide = 100000;  // off a terminal nothing is cut

int history(Context& context, std::size_t limit) {
  auto store = context.openStore();
  report::History history;
  if (store) {
    auto list = store->history(limit);
    if (!list) return context.fail("history", list.error());
    auto events = store->drift(0, limit);
    if (!events) return context.fail("history", events.error());
    auto commits = store->commits(0, limit);
    if (!commits) return context.fail("history", commits.error());
    auto acceptances = store->acceptances(limit);
    if (!acceptances) return context.fail("history", acceptances.error());
    history = {std::move(*list), std::move(*events), std::move(*commits), std::move(*acceptances)};
  } else if (store.error().reason != "NotFound") {
    return context.fail("history", store.error());
  }
  context.out() << (context.json() ? report::historyJson(history)
                                   : report::renderHistory(history, context.screen(kWide)));
  return 0;
}

int show(Context& context, std::int64_t number) {
  auto store = context.openStore();
  if (!store) return context.fail("show", store.error());
  const auto generation = store->generation(number);
  if (!generation) return context.fail("show", generation.error());
  if (!*generation)
    return context.fail("show", host::fail("NotFound", "generation " + std::to_string(number), "is not known",
                                           "bedplate history lists those that are")
                                    .value());
  std::optional<apply::CommitTimes> times;
  if (const auto found = store->commitTimes((*generation)->commit);
      found && *found && (*found)->generation == (*generation)->number)
    times = **found;
  // Originals and targets are root's to see; the rest is everybody's.
  report::Originals originals;
  if (const auto held = store->held()) {
    modules::SystemdLoader loader(context.files());
    apply::Keeper keeper({context.files(), context.files(), context.clock(), loader}, *store);
    const auto target = keeper.stored(number);
    originals = report::originalsOf(**generation, target && *target ? &**target : nullptr, *held,
                                    host::bootId(context.files()));
  }
  context.out() << (context.json() ? report::generationJson(**generation, originals, times)
                                   : report::renderGeneration(**generation, originals, times, context.screen(kWide)));
  return 0;
}

}  // namespace

void addHistory(CLI::App& app, Run& chosen) {
  auto limit = std::make_shared<std::size_t>(20);
  const Verb verb(app, "history", "Generations and drift events, newest first");
  verb.option("-n,--limit", *limit, "How many of each").between(1, 10000).showsDefault();
  verb.runs(chosen, [limit](Context& context) { return history(context, *limit); });
}

void addShow(CLI::App& app, Run& chosen) {
  auto number = std::make_shared<std::int64_t>(0);
  const Verb verb(app, "show", "One generation with its changes and what came of them");
  verb.option("N", *number, "Its number").required().positive();
  verb.runs(chosen, [number](Context& context) { return show(context, *number); });
}

}  // namespace bedplate::cli
