#include "agent/cli/context.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <ostream>

#include "agent/report/json.h"
#include "agent/report/text.h"
#include "tuning/host/paths.h"

namespace bedplate::cli {

bool Context::busApplies() const { return root_ == "/" || std::getenv("DBUS_SYSTEM_BUS_ADDRESS") != nullptr; }

host::Result<config::Config> Context::config() {
  BEDPLATE_TRY_LET(auto loaded, config::load(files_, configPath_));
  if (loaded.problems.empty()) return std::move(loaded.config);
  for (const auto& problem : loaded.problems) err_ << "bedplate: " << report::clean(config::text(problem)) << "\n";
  return host::fail("InvalidConfiguration", files_.shown(configPath_), "is not used because of the above",
                    "mend it; bedplated --check-config looks again");
}

config::Config Context::configAsFarAsReadable() {
  auto loaded = config::load(files_, configPath_);
  return loaded ? std::move(loaded->config) : config::Config{};
}

host::Result<apply::Store> Context::openStore() {
  return apply::Store::open(files_, clock_, apply::Store::Access::readOnly);
}

bool Context::stateIsHeld() {
  const auto lock = files_.openAt(host::paths::stateLock, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (!lock) return false;
  // A shared lock for a moment: it disturbs nobody but a writer that starts in this very moment, which says "busy".
  return ::flock(lock->get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

report::Screen Context::screen(int off) {
  report::Screen screen;
  screen.columns = terminal_.tty ? terminal_.columns : off;
  screen.colour = terminal_.colour;
  screen.nowUs = clock_.wallUs();
  const std::time_t now = static_cast<std::time_t>(screen.nowUs / 1'000'000);
  std::tm parts{};
  if (::localtime_r(&now, &parts) != nullptr) screen.utcOffsetSeconds = parts.tm_gmtoff;
  return screen;
}

int Context::fail(std::string_view what, const host::Error& error, int status) {
  host::Error said = error;
  if (said.thing == what) said.thing.clear();
  err_ << "bedplate: " << what << ": " << report::clean(said.text()) << "\n";
  return status;
}

int Context::say(std::string_view what, const report::Answer& answer) {
  if (json_)
    out_ << report::print(report::Json{{"exitStatus", answer.exitStatus}, {"message", answer.text}});
  else if (answer.exitStatus == 0)
    out_ << answer.text << "\n";
  else
    err_ << "bedplate: " << what << ": " << answer.text << "\n";
  return answer.exitStatus;
}

host::Result<std::unique_ptr<Direct>> Direct::take(Context& context) {
  auto lock = apply::lockState(context.files());
  if (!lock) {
    host::Error error = std::move(lock).error();
    if (error.reason == "Busy" && error.todo.empty())
      error.todo = "it does not answer on the bus: see systemctl status bedplated, or wait until it is done";
    if (error.reason == "Denied" && error.todo.empty()) error.todo = "run it as root";
    return host::Failure(std::move(error));
  }
  BEDPLATE_TRY_LET(auto store, apply::Store::open(context.files(), context.clock(), apply::Store::Access::readWrite));
  return std::unique_ptr<Direct>(new Direct(context, std::move(*lock), std::move(store)));
}

}  // namespace bedplate::cli
