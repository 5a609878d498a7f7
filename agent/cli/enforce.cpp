// bedplate enforce
#include <unistd.h>

#include "agent/cli/arguments.h"
#include "agent/cli/bus.h"

namespace bedplate::cli {
namespace {

constexpr std::string_view kDropIn =
    "# Written by `bedplate enforce`. With `mode = observe` the agent plans and reports, and changes nothing.\n"
    "[node]\nmode = enforce\n";

host::Status write(Context& context) {
  const std::string path = context.configPath() + ".d/50-mode.conf";
  return host::replaceFile(context.files(), {path, kDropIn, 0644, ::geteuid(), ::getegid()});
}

// A drop-in that sorts behind ours may still say otherwise.
host::Status check(Context& context) {
  BEDPLATE_TRY_LET(const auto config, context.config());
  if (config.node.mode == config::Mode::enforce) return {};
  return host::fail("Overruled", context.files().shown(context.configPath() + ".d"),
                    "a file that sorts behind 50-mode.conf says mode = observe", "remove it there");
}

int run(Context& context) {
  if (const auto written = write(context); !written) return context.fail("enforce", written.error());
  if (const auto checked = check(context); !checked) return context.fail("enforce", checked.error());
  const auto bus = Bus::daemon(context);
  if (!bus) return context.say("enforce", {0, "mode = enforce, from the next start of bedplated on"});
  if (const auto done = bus->reload(); !done) return context.fail("enforce", done.error());
  return context.say("enforce", {0, "mode = enforce; bedplate status shows what comes of it"});
}

}  // namespace

void addEnforce(CLI::App& app, Run& chosen) {
  Verb(app, "enforce", "Start acting: write mode = enforce and tell the daemon").runs(chosen, run);
}

}  // namespace bedplate::cli
