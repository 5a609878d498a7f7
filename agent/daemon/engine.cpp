#include "agent/daemon/engine.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "agent/trust/trust.h"
#include "tuning/host/paths.h"

namespace bedplate::daemon {

Engine::Engine(EngineSetup setup)
    : setup_(std::move(setup)),
      startedUs_(setup_.clock.wallUs()),
      reach_(setup_.files, setup_.clock, setup_.worker, [this] { return config_.get(); }),
      opener_(trust::keysOf(setup_.files)),
      statusFile_(config::Config{}.report.statusFile) {}

Engine::~Engine() = default;

host::Status Engine::loadConfig() {
  auto loaded = config::load(setup_.files, setup_.configPath);
  problems_.clear();
  kept_ = false;
  if (!loaded)
    problems_.push_back({"", 0, loaded.error().text()});
  else
    problems_ = std::move(loaded->problems);
  if (!problems_.empty()) {
    kept_ = config_ != nullptr;
    sayProblems();
    std::string why = config::text(problems_.front());
    if (problems_.size() > 1) why += " (and " + std::to_string(problems_.size() - 1) + " more)";
    return host::fail("InvalidConfiguration", "", why,
                      kept_ ? "the old configuration is kept; correct it, then systemctl reload bedplated"
                            : "correct it; it is taken as soon as it is written");
  }
  adopt(std::move(loaded->config));
  return {};
}

void Engine::sayProblems() {
  for (const auto& problem : problems_)
    setup_.journal.say({.level = Level::error, .message = config::text(problem), .reason = "InvalidConfiguration"});
}

void Engine::adopt(config::Config config) {
  reconciler_.reset();
  config_ = std::make_unique<config::Config>(std::move(config));
  schedule_.setInterval(config_->repository.intervalMs);
  lastSync_.reset();
  sealingReady_ = false;  // whoever reloads may have brought a key
  if (statusFile_ != config_->report.statusFile) {
    static_cast<void>(setup_.files.remove(statusFile_));
    statusFile_ = config_->report.statusFile;
  }
}

host::Status Engine::openState() {
  const std::int64_t giveUp = setup_.clock.monotonicNs() + setup_.lockWaitMs * 1'000'000;
  while (!lock_.valid()) {
    auto lock = apply::lockState(setup_.files);
    if (lock) {
      lock_ = std::move(*lock);
    } else if (lock.error().reason != "Busy" || setup_.clock.monotonicNs() >= giveUp) {
      return host::Failure(lock.error());
    } else {
      ::usleep(50'000);
    }
  }
  // An installed package that nobody configured leaves no database behind.
  const bool wanted = config_ && config_->configured();
  if (!wanted && !setup_.files.info(host::paths::stateDb)) return {};
  BEDPLATE_TRY_LET(auto store,
                   apply::Store::open(setup_.files, setup_.clock, apply::Store::Access::readWrite, setup_.changed));
  store_ = std::make_unique<apply::Store>(std::move(store));
  keeper_ = std::make_unique<apply::Keeper>(machine(), *store_);
  care_ = std::make_unique<apply::K3sCare>(machine(), *store_, *keeper_);
  readSamples();
  if (!store_->repairNote().empty())
    setup_.journal.say({.level = Level::error, .message = store_->repairNote(), .reason = "StateRebuilt"});
  return {};
}

apply::Machine Engine::machine() {
  host::Files& changed = setup_.changed != nullptr ? *setup_.changed : setup_.files;
  return {setup_.files, changed, setup_.clock, setup_.modules, &reach_, &opener_};
}

host::Status Engine::ensureState() {
  if (!store_) {
    auto opened = openState();
    stateError_.reset();
    if (!opened) {
      stateError_ = opened.error();
      return opened;
    }
  }
  if (store_ && config_ && config_->configured() && !reconciler_)
    reconciler_ = std::make_unique<apply::Reconciler>(*config_, machine(), *store_, *keeper_, setup_.worker);
  return {};
}

// Made at the first sync, not before READY: it takes seconds, and K3s waits for us at boot.
void Engine::ensureSealing() {
  if (sealingReady_) return;
  const auto node = apply::identify(*config_, setup_.files);
  bool made = false;
  const auto status = trust::ensureSealingKey(setup_.files, setup_.clock, node ? node->name : "", &made);
  if (made)
    setup_.journal.say({.level = Level::notice,
                        .message = "made a key for sealed files: bedplate cert prints the certificate to seal for",
                        .reason = "SealingKeyMade"});
  if (!status) return tellError("sealing", "the keys for sealed files are not in order", status.error());
  repeats_.over("sealing");
  sealingReady_ = true;
}

// Without a usable configuration the last good generation stays in force: it was applied by an enforcing one.
bool Engine::enforcing() const { return !config_ || config_->node.mode == config::Mode::enforce; }

host::Result<std::optional<apply::Suspension>> Engine::suspension() {
  if (!store_) return std::optional<apply::Suspension>();
  BEDPLATE_TRY_LET(auto suspended, store_->suspension());
  if (!suspended || suspended->untilUs == 0 || suspended->untilUs > setup_.clock.wallUs()) return suspended;
  BEDPLATE_TRY(store_->resume());
  setup_.journal.say({.level = Level::notice, .message = "the suspension ended by itself", .reason = "Resumed"});
  return std::optional<apply::Suspension>();
}

// That a command can be done: the state is open and, where asked for, there is a repository.
host::Status Engine::needs(bool configured) {
  BEDPLATE_TRY(ensureState());
  if (configured && !reconciler_) {
    if (!problems_.empty())
      return host::fail("InvalidConfiguration", "", config::text(problems_.front()), "correct it, then try again");
    return host::fail("Unconfigured", setup_.files.shown(setup_.configPath), "names no repository",
                      "set url and path in its [repository] section");
  }
  if (!store_) return host::fail("Unconfigured", setup_.files.shown(host::paths::stateDb), "there is no state yet");
  return {};
}

}  // namespace bedplate::daemon
