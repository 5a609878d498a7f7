#include "agent/daemon/daemon.h"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "agent/daemon/probe_jobs.h"
#include "tuning/host/files.h"

namespace bedplate::daemon {
namespace {

// Before READY the last good generation is brought back; K3s is ordered after it, but not for ever
// (TimeoutStartSec=30).
constexpr std::int64_t kReadyBoundMs = 25'000;
// Sysctls that were written past the watch, and files in directories that could not be watched.
constexpr std::int64_t kPollMs = 5'000;
// Headroom; not a disk is touched for it.
constexpr std::int64_t kSampleMs = 60'000;
constexpr std::int64_t kConfigSettleMs = 300;
constexpr std::int64_t kBusRetryMs = 30'000;
// What is being written is finished; what cannot be is taken up by the next start.
constexpr std::int64_t kStopBoundMs = 10'000;
// A probe holds nothing that must be finished; one whose disk does not answer is not waited for.
constexpr std::int64_t kProbeBoundMs = 1'000;
constexpr std::int64_t kLongestTimerMs = 24 * 3'600'000;

void notify(const std::string& state) { ::sd_notify(0, state.c_str()); }

// A status text is one line.
std::string oneLine(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text;
}

}  // namespace

void blockSignals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&signals, number);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

Daemon::Daemon(EngineSetup setup, bool useBus) : setup_(std::move(setup)), useBus_(useBus), journal_(setup_.journal) {}

int Daemon::run() {
  sd_event* event = nullptr;
  if (const int result = ::sd_event_new(&event); result < 0) {
    journal_.say(entryFor(Level::error, "cannot start", host::failErrno(-result, "sd-event", "cannot make").value()));
    return 1;
  }
  event_.reset(event);
  auto engine = EngineThread::start([this](EngineThread::Interrupt interrupt) {
    EngineSetup setup = setup_;
    setup.worker.interruptFd = interrupt.fd;
    setup.worker.interrupted = std::move(interrupt.interrupted);
    return std::make_unique<Engine>(std::move(setup));
  });
  if (!engine) {
    journal_.say(entryFor(Level::error, "cannot start", engine.error()));
    return 1;
  }
  engine_ = std::move(*engine);
  auto probes = ProbeThread::start("probe", setup_.clock, probeJobs(setup_));
  auto k3s = ProbeThread::start("k3s", setup_.clock, k3sJobs(setup_));
  if (!probes || !k3s) {
    journal_.say(entryFor(Level::error, "cannot start", probes ? k3s.error() : probes.error()));
    return 1;
  }
  probes_ = std::move(*probes);
  k3s_ = std::move(*k3s);
  begin();
  const int result = ::sd_event_loop(event_.get());
  return result < 0 ? 1 : exitStatus_;
}

void Daemon::begin() {
  sd_event* event = event_.get();
  const auto timer = [&](std::int64_t accuracyMs, auto fire) {
    return std::make_unique<Timer>(event, accuracyMs, std::move(fire));
  };
  sync_ = timer(500, [this] { post(Act::sync); });
  repair_ = timer(0, [this] {
    patience_.looked(setup_.clock.monotonicNs());
    polled_ = false;
    repair();
  });
  poll_ = timer(1000, [this] {
    polled_ = true;
    repair();
  });
  sample_ = timer(1000, [this] { post(Act::sample); });
  config_ = timer(50, [this] { reload(); });
  busRetry_ = timer(1000, [this] { openBus(); });
  suspensionEnd_ = timer(500, [this] { post(Act::sync); });
  readyBound_ = timer(100, [this] { ready("bringing back the last generation takes long and goes on"); });
  stopBound_ = timer(100, [this] {
    journal_.say({.level = Level::warning,
                  .message = "what was under way does not end in time; the next start finishes or undoes it",
                  .reason = "StopTimeout"});
    // The engine's thread may stand in the kernel; there is no way to end it but this, and the state allows it.
    std::_Exit(0);
  });
  probeBound_ = timer(100, [this] {
    journal_.say({.level = Level::notice,
                  .message = "a measurement stands in a disk that does not answer; it is left behind",
                  .reason = "StopTimeout"});
    std::_Exit(exitStatus_);
  });
  for (const int number : {SIGTERM, SIGINT})
    signals_.push_back(std::make_unique<OnSignal>(event, number, [this] { stop(); }));
  signals_.push_back(std::make_unique<OnSignal>(event, SIGHUP, [this] { reload(); }));
  results_ = std::make_unique<Readable>(event, engine_->fd(), [this] { onResults(); });
  probeResults_ = std::make_unique<Readable>(event, probes_->fd(), [this] { onProbes(*probes_); });
  k3sResults_ = std::make_unique<Readable>(event, k3s_->fd(), [this] { onProbes(*k3s_); });
  ::sd_event_set_watchdog(event, 1);

  notify("STATUS=Bringing back the last good generation");
  post(Act::start);
  readyBound_->arm(kReadyBoundMs);
}

void Daemon::ready(const std::string& note) {
  if (ready_) return;
  ready_ = true;
  readyBound_->disarm();
  if (!note.empty()) journal_.say({.level = Level::warning, .message = note, .reason = "StartSlow"});
  notify("READY=1\nSTATUS=" + oneLine(note.empty() ? facts_.line : note));
}

void Daemon::post(Act act) {
  Command command{.act = act, .text = {}};
  if (act == Act::sync) addNews(command);
  engine_->post(std::move(command));
}

// What is not taken over here, the repair that follows is told as well: a sync may have to wait for the remote.
void Daemon::addNews(Command& command) {
  if (links_) onLinks();
  command.whole = keysMoved_;
  if (drift_) command.news = drift_->news(/*forget=*/false);
  command.news.keys = links_ && links_->why().empty();
}

void Daemon::onResults() {
  for (auto& finished : engine_->take()) handle(finished);
  endIfAllEnded();
}

void Daemon::onProbes(ProbeThread& probes) {
  for (auto& measured : probes.take())
    engine_->post({.act = Act::measured, .text = {}, .measured = std::move(measured)});
  endIfAllEnded();
}

void Daemon::endIfAllEnded() {
  if (!engine_->ended()) return;
  if (probes_->ended() && k3s_->ended())
    ::sd_event_exit(event_.get(), exitStatus_);
  else
    probeBound_->armIfNot(kProbeBoundMs);
}

void Daemon::handle(EngineThread::Finished& finished) {
  const Done& done = finished.done;
  if (done.fatal) {
    exitStatus_ = 1;
    stop();
    return;
  }
  if (!done.quiet) take(done);
  if (done.act == Act::start) {
    ready("");
    // After READY: what runs on may ask systemd for things, and systemd waits for us until then.
    watchConfig();
    watchLinks();
    openBus();
    if (facts_.configured) post(Act::sync);
  }
  if (done.act == Act::reload) notify("READY=1\nSTATUS=" + oneLine(facts_.line));
  if (done.wantsSync) post(Act::sync);
  if (done.repaired && drift_) {
    drift_->refreshFiles();
    if (polled_) drift_->refreshKeys();
  }
  if (done.nextMs) sync_->arm(*done.nextMs);
  if (facts_.active && !stopping_) poll_->armIfNot(kPollMs);
  if (facts_.configured && !stopping_) {
    sample_->armIfNot(sampleBegun_ ? kSampleMs : 0);
    sampleBegun_ = true;
  }
  if (bus_)
    for (const Ticket ticket : finished.tickets) bus_->answer(ticket, done);
}

void Daemon::take(const Done& done) {
  const bool newLine = facts_.line != done.facts.line;
  if (facts_.measuring != done.facts.measuring) {
    probes_->configure(done.facts.measuring);
    k3s_->configure(done.facts.measuring);
  }
  facts_ = done.facts;
  if (newLine && ready_) notify("STATUS=" + oneLine(facts_.line));
  if (facts_.statusChanged && bus_) bus_->changed();
  watchDrift();
  if (!facts_.configured) sync_->disarm();
  suspensionEnd_->disarm();
  if (facts_.suspendedUntilUs > 0) {
    const std::int64_t left = (facts_.suspendedUntilUs - setup_.clock.wallUs()) / 1000 + 1;
    suspensionEnd_->arm(std::clamp<std::int64_t>(left, 1, kLongestTimerMs));
  }
}

void Daemon::watchDrift() {
  if (!facts_.active && !drift_) return;
  if (!drift_)
    drift_ = std::make_unique<DriftWatch>(event_.get(), setup_.files, setup_.clock, journal_, [this] { onDrift(); });
  drift_->watch(facts_.active ? facts_.managed : nullptr, facts_.active ? facts_.keys : nullptr);
}

void Daemon::onDrift() {
  if (!facts_.active || stopping_) return;
  const std::int64_t delayMs = patience_.delayMs(setup_.clock.monotonicNs());
  if (delayMs > Patience::kDebounceMs && drift_) drift_->pause();
  repair_->armIfNot(delayMs);
}

void Daemon::repair() {
  Command command{.act = Act::repair, .text = {}};
  if (drift_) {
    command.writers = drift_->take();
    command.news = drift_->news(/*forget=*/true);
  }
  command.news.keys = links_ && links_->why().empty();
  command.whole = std::exchange(keysMoved_, false);
  engine_->post(std::move(command));
}

// A key appears with its interface or module, and goes with it. Of a tree that stands for another machine nothing is
// told, and nothing is lost: whole looks are made all the same.
void Daemon::watchLinks() {
  auto links = links::Links::open();
  if (!links || !links->why().empty())
    journal_.say(
        {.level = Level::warning,
         .message = "late keys are found within a minute only: " + (links ? links->why() : links.error().text()),
         .reason = "Watching"});
  if (!links) return;
  links_.emplace(std::move(*links));
  const auto ready = [this](int fd) {
    return fd < 0 ? nullptr : std::make_unique<Readable>(event_.get(), fd, [this] { onLinks(); });
  };
  interfacesReady_ = ready(links_->interfaces());
  modulesReady_ = ready(links_->modules());
}

void Daemon::onLinks() {
  if (!links_->drain() || !facts_.active) return;
  keysMoved_ = true;
  if (drift_) drift_->refreshKeys();
  onDrift();
}

// A configuration that appears, or is corrected, wakes a waiting daemon; one that works is read again on SIGHUP only,
// so that nobody's half-edited file counts.
void Daemon::watchConfig() {
  auto watch = PathWatch::open(setup_.files);
  if (!watch) {
    journal_.say(entryFor(Level::warning, "a new configuration is seen on reload only", watch.error()));
    return;
  }
  configWatch_.emplace(std::move(*watch));
  configReady_ = std::make_unique<Readable>(event_.get(), configWatch_->fd(), [this] {
    if (configWatch_->drain() && !facts_.configured) config_->arm(kConfigSettleMs);
  });
  configWatch_->watch({}, {host::parentPath(setup_.configPath), setup_.configPath + ".d"});
}

void Daemon::openBus() {
  if (!useBus_ || stopping_) return;
  bus_.reset();
  BusHandlers handlers;
  handlers.command = [this](Command command) {
    if (command.act == Act::sync) addNews(command);
    engine_->post(std::move(command), ++lastTicket_);
    return lastTicket_;
  };
  handlers.status = [this] { return facts_.statusJson; };
  handlers.ready = [this] {
    if (repeats_.over("bus")) journal_.say({.level = Level::notice, .message = "on the system bus", .reason = "Bus"});
  };
  handlers.lost = [this](const host::Error& error) {
    if (repeats_.worthSaying("bus", error.text(), setup_.clock.monotonicNs()))
      journal_.say(entryFor(Level::warning, "not on the system bus", error));
    busRetry_->armIfNot(kBusRetryMs);
  };
  const auto lost = handlers.lost;
  auto bus = Bus::open(event_.get(), std::move(handlers));
  if (bus)
    bus_ = std::move(*bus);
  else
    lost(bus.error());
}

void Daemon::reload() {
  if (stopping_) return;
  if (ready_) notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(setup_.clock.monotonicNs() / 1000));
  post(Act::reload);
}

void Daemon::stop() {
  if (stopping_) return;
  stopping_ = true;
  notify("STOPPING=1\nSTATUS=Finishing what is under way");
  for (Timer* timer : {sync_.get(), repair_.get(), poll_.get(), sample_.get(), config_.get(), busRetry_.get(),
                       readyBound_.get(), suspensionEnd_.get()})
    timer->disarm();
  stopBound_->arm(kStopBoundMs);
  probes_->stop();
  k3s_->stop();
  engine_->stop();
}

}  // namespace bedplate::daemon
