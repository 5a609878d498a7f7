// What every verb of the command line works with: where the host is, how to print, and how to get at configuration and
// state. Thread-safety: used from one thread.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/apply/apply.h"
#include "agent/apply/host_reach.h"
#include "agent/apply/store.h"
#include "agent/apply/worker_setup.h"
#include "agent/config/config.h"
#include "agent/report/answer.h"
#include "agent/report/report.h"
#include "tuning/host/clock.h"
#include "tuning/host/files.h"
#include "tuning/modules/modules.h"

namespace bedplate::cli {

// sysexits.h EX_USAGE: the command line itself was wrong.
inline constexpr int kUsage = 64;

// Where the words go. Off a terminal: no colour, no progress, and lists are not cut.
struct Terminal {
  bool tty = false;
  bool colour = false;
  bool unicode = false;  // the locale is one of UTF-8
  int columns = 80;
};

class Context {
 public:
  Context(host::HostFiles files, std::string root, std::string configPath, bool json, Terminal terminal,
          std::ostream& out, std::ostream& err)
      : files_(std::move(files)),
        root_(std::move(root)),
        configPath_(std::move(configPath)),
        json_(json),
        terminal_(terminal),
        out_(out),
        err_(err) {}

  host::HostFiles& files() { return files_; }
  host::Clock& clock() { return clock_; }
  [[nodiscard]] bool json() const { return json_; }
  [[nodiscard]] const Terminal& terminal() const { return terminal_; }
  std::ostream& out() { return out_; }
  std::ostream& err() { return err_; }
  [[nodiscard]] const std::string& configPath() const { return configPath_; }

  // Whether the system bus may be asked for the daemon of this root: on "/", or when a bus was named on purpose.
  [[nodiscard]] bool busApplies() const;

  // For verbs that act: every problem is printed, and is an error.
  host::Result<config::Config> config();
  // For verbs that only look: what can be read of it. Never fails; problems are no matter here.
  config::Config configAsFarAsReadable();

  host::Result<apply::Store> openStore();  // read-only
  // Whether somebody holds the lock of the state: a daemon, also one without a bus.
  bool stateIsHeld();

  // Columns are those of the terminal; off it `columns` of the screen are `off`.
  report::Screen screen(int off = 80);

  // "bedplate: <what>: <error>" on stderr; gives `status` back.
  int fail(std::string_view what, const host::Error& error, int status = 1);
  // The outcome of an action, on stdout or, when it failed, on stderr; as JSON where asked for.
  int say(std::string_view what, const report::Answer& answer);

 private:
  host::HostFiles files_;
  host::SystemClock clock_;
  std::string root_;
  std::string configPath_;
  bool json_;
  Terminal terminal_;
  std::ostream& out_;
  std::ostream& err_;
};

// The state in this process' hands, when there is no daemon to ask.
class Direct {
 public:
  // Takes the lock and opens the state. "Busy" when a process holds it that cannot be asked over the bus.
  static host::Result<std::unique_ptr<Direct>> take(Context& context);

  apply::Store& store() { return store_; }
  apply::Machine machine() {
    return {context_.files(), context_.files(), context_.clock(), loader_, &reach_, &opener_};
  }

 private:
  Direct(Context& context, host::UniqueFd lock, apply::Store store)
      : context_(context),
        lock_(std::move(lock)),
        store_(std::move(store)),
        loader_(context.files()),
        config_(context.configAsFarAsReadable()),
        reach_(context.files(), context.clock(), apply::workerSetup(context.files()), [this] { return &config_; }) {}

  Context& context_;
  host::UniqueFd lock_;
  apply::Store store_;
  modules::SystemdLoader loader_;
  config::Config config_;
  apply::HostReach reach_;
  trust::Opener opener_ = trust::keysOf(context_.files());
};

}  // namespace bedplate::cli
