// bedplate status
#include <ostream>

#include "agent/cli/arguments.h"
#include "agent/cli/find_status.h"

namespace bedplate::cli {
namespace {

// The status holds only what is not as it should be; who asks for JSON gets every manifest.
std::string withManifests(const FoundStatus& found) {
  const auto states = report::manifestsFromJson(found.manifests);
  return states ? report::toJson(*found.status, *states) : report::toJson(*found.status);
}

int run(Context& context) {
  FoundStatus found = findStatus(context);
  if (!found.trouble.empty()) found.status->warnings.insert(found.status->warnings.begin(), found.trouble);
  report::Screen screen = context.screen();
  screen.daemonAlive = found.alive;
  context.out() << (context.json() ? withManifests(found) : report::render(*found.status, screen));
  return report::exitStatus(*found.status, screen.nowUs, found.alive);
}

}  // namespace

void addStatus(CLI::App& app, Run& chosen) {
  Verb(app, "status", "What this node is, and what to do next, on one screen").runs(chosen, run);
}

}  // namespace bedplate::cli
