// The daemon's engine as `bedplated --once` runs it, killed at its N-th change: tests/integration/test_killed.py.
// usage: failpoint_daemon ROOT N sync|release     N = 0: not killed. Prints how many changes it made.
#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string_view>

#include "agent/apply/worker_setup.h"
#include "agent/daemon/engine.h"
#include "tests/integration/failpoint/failpoint.h"
#include "tuning/host/paths.h"

namespace bedplate {
namespace {

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

int run(const std::string& root, int at, daemon::Act act) {
  auto files = host::HostFiles::open(root);
  testlib::Failpoint failpoint(at);
  if (!files || !testlib::countDatabase(failpoint)) {
    fmt::print(stderr, "failpoint_daemon: {}\n", files ? "SQLite does not take the layer" : files.error().text());
    return 1;
  }
  testlib::FailpointFiles changed(*files, failpoint);
  host::SystemClock clock;
  daemon::SystemJournal journal;
  modules::SystemdLoader loader(*files);
  daemon::Engine engine({.files = *files,
                         .clock = clock,
                         .modules = loader,
                         .journal = journal,
                         .configPath = host::paths::configFile,
                         .worker = apply::workerSetup(*files),
                         .chance = [] { return 0.5; },
                         .changed = &changed});
  for (const daemon::Act step : {daemon::Act::start, act}) {
    const daemon::Done done = engine.run({.act = step, .text = {}});
    if (!done.error) continue;
    fmt::print(stderr, "failpoint_daemon: {}\n", done.error->text());
    return 1;
  }
  fmt::print("{}\n", failpoint.changes());
  return 0;
}

}  // namespace
}  // namespace bedplate

int main(int argc, char** argv) {
  using bedplate::daemon::Act;
  const std::string_view act = argc == 4 ? argv[3] : "";
  const auto at = argc == 4 ? bedplate::number(argv[2]) : std::nullopt;
  if (!at || (act != "sync" && act != "release")) {
    fmt::print(stderr, "usage: failpoint_daemon ROOT N sync|release\n");
    return 64;
  }
  return bedplate::run(argv[1], *at, act == "sync" ? Act::sync : Act::release);
}
