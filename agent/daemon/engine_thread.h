// The engine in a thread of its own. Commands go in, what came of them comes out; the event loop never waits.
//
// Commands of one kind that wait are done once: several who ask for a sync get the outcome of the same one. Drift
// repair goes first, also into the wait for a silent remote. Any other command, and the end, interrupt that wait; the
// sync is then done again after it. Thread-safety: used from the thread that made it, except where it is the engine's.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "agent/daemon/command.h"
#include "tuning/host/unique_fd.h"

namespace bedplate::daemon {

using Ticket = std::uint64_t;

class EngineThread {
 public:
  struct Finished {
    Done done;
    std::vector<Ticket> tickets;  // of those who asked
  };

  // For waits inside the runner: when `fd` is readable, `interrupted` is to be called (from the runner's thread), and
  // with false the wait given up. Both outlive the runner.
  struct Interrupt {
    int fd = -1;
    std::function<bool()> interrupted;
  };
  using MakeRunner = std::function<std::unique_ptr<Runner>(Interrupt interrupt)>;

  // "Io" when there are no descriptors.
  static host::Result<std::unique_ptr<EngineThread>> start(const MakeRunner& make);
  // Stops, and waits for the thread as long as it takes.
  ~EngineThread();
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  void post(Command command, Ticket ticket = 0);
  // Ends after what cannot be interrupted; take() and ended() tell.
  void stop();
  // Readable when take() or ended() have something.
  [[nodiscard]] int fd() const { return results_.get(); }
  std::vector<Finished> take();
  [[nodiscard]] bool ended();

 private:
  struct Waiting {
    Command command;
    std::vector<Ticket> tickets;
  };
  EngineThread(const MakeRunner& make, host::UniqueFd wake, host::UniqueFd results);
  void loop();
  bool next(Waiting& waiting);
  void finish(Done done, std::vector<Ticket> tickets);
  bool interrupted();
  bool takeFrequent(Waiting& waiting);

  host::UniqueFd wake_;     // readable for a wait inside the engine: look at the queue
  host::UniqueFd results_;  // readable for the loop
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting> queue_;
  std::vector<Finished> finished_;
  bool stopping_ = false;
  bool ended_ = false;
  std::unique_ptr<Runner> runner_;
  std::thread thread_;
};

}  // namespace bedplate::daemon
