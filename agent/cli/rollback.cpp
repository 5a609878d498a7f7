// bedplate rollback [N]
#include "agent/apply/rollback.h"

#include <memory>

#include "agent/cli/arguments.h"
#include "agent/cli/bus.h"

namespace bedplate::cli {
namespace {

host::Result<report::Answer> rollbackHere(Context& context, std::int64_t number) {
  BEDPLATE_TRY_LET(const auto config, context.config());
  if (config.node.mode != config::Mode::enforce)
    return host::fail("Observing", "this node", "is only observed", "bedplate enforce makes the agent act");
  BEDPLATE_TRY_LET(const auto direct, Direct::take(context));
  apply::Keeper keeper(direct->machine(), direct->store());
  apply::Machine machine = direct->machine();
  // Without the daemon nobody asks K3s: what has to wait for it goes on when the daemon is back.
  BEDPLATE_TRY_LET(const auto result, apply::rollBack(machine, keeper, direct->store(), number, {}, {}));
  return report::answer(result, "rolled back");
}

int run(Context& context, std::int64_t number) {
  const auto bus = Bus::daemon(context);
  const auto answer = bus ? bus->rollback(number) : rollbackHere(context, number);
  return answer ? context.say("rollback", *answer) : context.fail("rollback", answer.error());
}

}  // namespace

void addRollback(CLI::App& app, Run& chosen) {
  auto number = std::make_shared<std::int64_t>(0);
  const Verb verb(app, "rollback", "Back to an earlier generation, held until Git changes or resume");
  verb.option("N", *number, "The generation; the one before the current without it").positive();
  verb.runs(chosen, [number](Context& context) { return run(context, *number); });
}

}  // namespace bedplate::cli
