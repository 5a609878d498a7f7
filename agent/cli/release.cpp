// bedplate release

#include "agent/cli/arguments.h"
#include "agent/cli/bus.h"

namespace bedplate::cli {
namespace {

host::Result<report::Answer> releaseHere(Context& context) {
  BEDPLATE_TRY_LET(const auto direct, Direct::take(context));
  // First, so that neither a crash on the way nor the next start of the daemon takes everything again.
  BEDPLATE_TRY(direct->store().suspend({"released", context.clock().wallUs(), 0}));
  apply::Keeper keeper(direct->machine(), direct->store());
  BEDPLATE_TRY_LET(const auto result, keeper.release());
  return report::answer(result, "released");
}

int run(Context& context) {
  const auto bus = Bus::daemon(context);
  const auto answer = bus ? bus->release() : releaseHere(context);
  return answer ? context.say("release", *answer) : context.fail("release", answer.error());
}

}  // namespace

void addRelease(CLI::App& app, Run& chosen) {
  Verb(app, "release", "Give everything back, before the package is removed").runs(chosen, run);
}

}  // namespace bedplate::cli
