// All measuring that takes time, in a thread of its own: a disk that does not answer must hold up neither the event
// loop nor the engine. Jobs run one after the other, so that no measurement disturbs another one.
//
// Thread-safety: a ProbeThread is used from the thread that made it; jobs are only used from the probe's thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "agent/daemon/command.h"
#include "tuning/host/clock.h"
#include "tuning/host/unique_fd.h"

namespace bedplate::daemon {

class ProbeJob {
 public:
  ProbeJob() = default;
  ProbeJob(const ProbeJob&) = delete;
  ProbeJob& operator=(const ProbeJob&) = delete;
  virtual ~ProbeJob() = default;

  // When to run next (CLOCK_MONOTONIC in ns; the past: now), or nullopt: not until the settings change. Asked before
  // each wait, so it must be cheap and remember what it answered: a time that moves with `nowNs` is never reached.
  virtual std::optional<std::int64_t> dueNs(const Measuring& measuring, std::int64_t nowNs) = 0;
  // Measures. Looks at `cancel` at least every 100 ms, and returns soon once it is true; what it returns then is
  // dropped. nullopt: nothing to tell.
  virtual std::optional<Measured> run(const Measuring& measuring, const std::atomic<bool>& cancel) = 0;
};

class ProbeThread {
 public:
  // "Io" when there is no descriptor. `clock` must outlive it, and may be used from several threads. `name`: of the
  // thread, at most 15 bytes, of static storage.
  static host::Result<std::unique_ptr<ProbeThread>> start(const char* name, host::Clock& clock,
                                                          std::vector<std::unique_ptr<ProbeJob>> jobs);
  // Stops, and waits for the thread as long as it takes: for ever where the kernel does. See ended().
  ~ProbeThread();
  ProbeThread(const ProbeThread&) = delete;
  ProbeThread& operator=(const ProbeThread&) = delete;

  // New settings: jobs are asked anew when they are due. A job that runs goes on with the old ones.
  void configure(const Measuring& measuring);
  // Cancels what runs, and starts nothing more.
  void stop();
  // Readable when take() or ended() have something.
  [[nodiscard]] int fd() const { return results_.get(); }
  std::vector<Measured> take();
  [[nodiscard]] bool ended();

 private:
  ProbeThread(const char* name, host::Clock& clock, std::vector<std::unique_ptr<ProbeJob>> jobs,
              host::UniqueFd results);
  void loop(const char* name);
  ProbeJob* next(Measuring& measuring);

  host::Clock& clock_;
  std::vector<std::unique_ptr<ProbeJob>> jobs_;
  host::UniqueFd results_;
  std::atomic<bool> cancel_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  Measuring measuring_;
  std::uint64_t configured_ = 0;  // how often
  std::vector<Measured> measured_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace bedplate::daemon
