// bedplate sync [--allow-prune]
#include <memory>

#include "agent/apply/reconcile.h"
#include "agent/apply/worker_setup.h"
#include "agent/cli/arguments.h"
#include "agent/cli/bus.h"

namespace bedplate::cli {
namespace {

host::Failure unconfigured(Context& context) {
  return host::fail("Unconfigured", context.files().shown(context.configPath()), "names no repository",
                    "set url and path in its [repository] section");
}

host::Result<report::Answer> syncHere(Context& context, bool allowPrune) {
  BEDPLATE_TRY_LET(const auto config, context.config());
  if (!config.configured()) return unconfigured(context);
  BEDPLATE_TRY_LET(const auto direct, Direct::take(context));
  BEDPLATE_TRY_LET(const auto suspension, direct->store().suspension());
  if (suspension && (suspension->untilUs == 0 || suspension->untilUs > context.clock().wallUs()))
    return host::fail("Suspended", "this node", "is suspended: " + suspension->reason, "bedplate resume");
  apply::Keeper keeper(direct->machine(), direct->store());
  apply::Reconciler reconciler(config, direct->machine(), direct->store(), keeper, apply::workerSetup(context.files()));
  return report::answer(reconciler.sync({.retry = true, .allowPrune = allowPrune}), config.node.mode);
}

int run(Context& context, bool allowPrune) {
  const auto bus = Bus::daemon(context);
  const auto answer = bus ? bus->sync(allowPrune) : syncHere(context, allowPrune);
  return answer ? context.say("sync", *answer) : context.fail("sync", answer.error());
}

}  // namespace

void addSync(CLI::App& app, Run& chosen) {
  auto allowPrune = std::make_shared<bool>(false);
  const Verb verb(app, "sync", "Reconcile now and wait for the outcome");
  verb.flag("--allow-prune", *allowPrune, "Let manifests go that are held because their removal takes much along");
  verb.runs(chosen, [allowPrune](Context& context) { return run(context, *allowPrune); });
}

}  // namespace bedplate::cli
