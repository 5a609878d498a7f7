#include "agent/report/restart_line.h"

namespace bedplate::report {
namespace {

// The first few of what differs.
std::string keysOf(const apply::K3sShown& restart) {
  constexpr std::size_t kShown = 3;
  std::string text;
  for (std::size_t i = 0; i < restart.keys.size() && i < kShown; ++i) text += (i == 0 ? " (" : ", ") + restart.keys[i];
  if (restart.keys.size() > kShown) text += ", and " + std::to_string(restart.keys.size() - kShown) + " more";
  return text.empty() ? text : text + ")";
}

}  // namespace

std::string restartLine(const Status& status) {
  const auto& restart = status.k3s.restart;
  const std::string commit = "commit " + restart.commit.substr(0, 7);
  std::string why = restart.why + (restart.line.empty() ? "" : ": " + restart.line);
  if (restart.state == "rolled-back" && restart.commit.empty()) return why;
  if (restart.state == "restarting") return "K3s is being restarted for " + commit;
  if (restart.state == "going-back") return "K3s's configuration of " + commit + " is being taken back: " + why;
  if (restart.state == "rolled-back") return "K3s's configuration of " + commit + " was taken back: " + why;
  if (restart.state == "failed") return "K3s did not come up on its old configuration either, hands off: " + why;
  if (restart.state != "waiting") return "changed on disk, K3s must be restarted to read it";
  return "changed on disk, not restarted" + keysOf(restart) + (restart.why.empty() ? "" : ": " + restart.why);
}

}  // namespace bedplate::report
