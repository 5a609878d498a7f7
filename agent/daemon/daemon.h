// bedplated: the event loop. It waits for time, signals, the bus and changed files, hands what is to be done to the
// engine's thread, and tells systemd and the bus what came of it. It never waits for a disk or a network.
// Thread-safety: one thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/daemon/bus.h"
#include "agent/daemon/drift_watch.h"
#include "agent/daemon/engine.h"
#include "agent/daemon/engine_thread.h"
#include "agent/daemon/event.h"
#include "agent/daemon/journal.h"
#include "agent/daemon/path_watch.h"
#include "agent/daemon/probe_thread.h"
#include "tuning/links/links.h"

namespace bedplate::daemon {

class Daemon {
 public:
  // `useBus`: whether this daemon may take its name on the system bus.
  Daemon(EngineSetup setup, bool useBus);

  // Until SIGTERM or SIGINT; the exit status. Signals must be blocked (blockSignals) before.
  int run();

 private:
  void begin();
  void ready(const std::string& note);
  void onResults();
  void onProbes(ProbeThread& probes);
  void endIfAllEnded();
  void handle(EngineThread::Finished& finished);
  void take(const Done& done);
  void post(Act act);
  void addNews(Command& command);
  void repair();
  void onDrift();
  void watchDrift();
  void watchLinks();
  void onLinks();
  void watchConfig();
  void openBus();
  void reload();
  void stop();

  EngineSetup setup_;
  const bool useBus_;
  Journal& journal_;
  Facts facts_;
  Patience patience_;
  Repeats repeats_;
  Ticket lastTicket_ = 0;
  bool ready_ = false;
  bool sampleBegun_ = false;
  bool keysMoved_ = false;  // interfaces or modules came or went since the last look
  bool polled_ = false;     // the last look was the poll's, not an event's
  bool stopping_ = false;
  int exitStatus_ = 0;

  EventPtr event_;
  std::unique_ptr<EngineThread> engine_;
  std::unique_ptr<ProbeThread> probes_, k3s_;
  std::unique_ptr<DriftWatch> drift_;
  std::optional<links::Links> links_;
  std::optional<PathWatch> configWatch_;
  std::unique_ptr<Bus> bus_;
  std::vector<std::unique_ptr<OnSignal>> signals_;
  std::unique_ptr<Readable> results_, probeResults_, k3sResults_, configReady_, interfacesReady_, modulesReady_;
  std::unique_ptr<Timer> sync_, repair_, poll_, sample_, config_, busRetry_, readyBound_, stopBound_, probeBound_,
      suspensionEnd_;
};

// Blocks the signals that the loop takes, before any thread is made; ignores SIGPIPE.
void blockSignals();

}  // namespace bedplate::daemon
