// K3s's unit: how it is, and a restart, asked of systemd over the bus.
//
// The unit's own TimeoutStartSec is 0: a restart may take for ever. So a restart is only queued here, and whoever asked
// for it looks at the unit until a deadline of his own.
// Thread-safety: a Unit is used from one thread at a time.
#pragma once

#include <cstdint>
#include <string>

#include "tuning/host/files.h"

namespace bedplate::k3s {

struct UnitState {
  std::string active;          // "active", "activating", "inactive", "failed", ...
  std::string sub;             // "running", "auto-restart", ...
  std::string result;          // of its last end: "success", "exit-code", ...
  std::int64_t startedNs = 0;  // CLOCK_MONOTONIC at which its main process was started; 0: never in this boot
  bool job = false;            // systemd is still at something that was asked for
  bool operator==(const UnitState&) const = default;
};

class Unit {
 public:
  Unit() = default;
  Unit(const Unit&) = delete;
  Unit& operator=(const Unit&) = delete;
  virtual ~Unit() = default;

  // "Unavailable" without a bus, "NotFound" without such a unit, "Timeout", "Denied".
  virtual host::Result<UnitState> look(const std::string& unit) = 0;
  // Returns when the job is queued: a stop, if it runs, and a start.
  virtual host::Status restart(const std::string& unit) = 0;
};

// "k3s.service", or "k3s-agent.service" for role "agent".
std::string unitOf(const std::string& role);

// systemd on the bus below the root of `files`. Each call takes a few seconds at most.
class SystemdUnit final : public Unit {
 public:
  explicit SystemdUnit(host::Files& files) : files_(files) {}
  host::Result<UnitState> look(const std::string& unit) override;
  host::Status restart(const std::string& unit) override;

 private:
  host::Files& files_;
};

}  // namespace bedplate::k3s
