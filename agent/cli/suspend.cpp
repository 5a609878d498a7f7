// bedplate suspend --reason TEXT [--for 2h], bedplate resume

#include <memory>

#include "agent/cli/arguments.h"
#include "agent/cli/bus.h"
#include "agent/report/text.h"

namespace bedplate::cli {
namespace {

struct Asked {
  std::string reason;
  std::string duration;
};

host::Status suspendHere(Context& context, const apply::Suspension& suspension) {
  BEDPLATE_TRY_LET(const auto direct, Direct::take(context));
  return direct->store().suspend(suspension);
}

int suspend(Context& context, const Asked& asked) {
  apply::Suspension suspension{report::clean(asked.reason), context.clock().wallUs(), 0};
  if (!asked.duration.empty()) {
    const auto ms = config::parseDurationMs(asked.duration);
    if (!ms || *ms == 0) {
      const auto error = host::fail("Invalid", "--for", "'" + asked.duration + "' is no duration", "write 30m, 2h, 1d");
      return context.fail("suspend", error.value(), kUsage);
    }
    suspension.untilUs = suspension.sinceUs + *ms * 1000;
  }
  const auto bus = Bus::daemon(context);
  const auto done = bus ? bus->suspend(suspension.reason, suspension.untilUs) : suspendHere(context, suspension);
  if (!done) return context.fail("suspend", done.error());
  const auto screen = context.screen();
  const std::string until =
      suspension.untilUs > 0 ? "until " + report::dateTime(suspension.untilUs, screen.utcOffsetSeconds) : "for good";
  return context.say("suspend",
                     {0, "suspended " + until + ": nothing is changed or put back; bedplate resume ends it"});
}

host::Status resumeHere(Context& context) {
  BEDPLATE_TRY_LET(const auto direct, Direct::take(context));
  return direct->store().resume();
}

int resume(Context& context) {
  const auto bus = Bus::daemon(context);
  const auto done = bus ? bus->resume() : resumeHere(context);
  if (!done) return context.fail("resume", done.error());
  return context.say("resume", {0, "resumed"});
}

}  // namespace

void addSuspend(CLI::App& app, Run& chosen) {
  auto asked = std::make_shared<Asked>();
  const Verb verb(app, "suspend", "Stop reconciling and drift repair, also across a reboot");
  verb.option("--reason", asked->reason, "Why, for those who look at the node")
      .required()
      .check([](const std::string& text) {
        return text.empty() ? "is empty" : text.size() > 500 ? "is too long" : "";
      });
  verb.option("--for", asked->duration, "For how long (30m, 2h, 1d); until resumed without it");
  verb.runs(chosen, [asked](Context& context) { return suspend(context, *asked); });
}

void addResume(CLI::App& app, Run& chosen) {
  Verb(app, "resume", "End a suspension, or the hold of a rollback").runs(chosen, resume);
}

}  // namespace bedplate::cli
