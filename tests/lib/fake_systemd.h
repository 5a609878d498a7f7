// A systemd with one unit on a bus of its own: what bedplated asks the real one for, over the real wire.
//
// The unit is a command. It is active when it has said READY=1, started again some time after it ended, and restarted
// by RestartUnit. Thread-safety: made in one thread and run in one, which may be another; stop() from any.
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tuning/host/unique_fd.h"

namespace bedplate::testlib {

class FakeSystemd {
 public:
  struct Setup {
    std::string socket;  // where the bus listens
    std::string unit = "k3s.service";
    std::vector<std::string> command = {};  // empty: the unit is always active and nothing is started
    std::string log = {};                   // what the command writes, appended; "": nowhere
    std::string notify = {};                // its NOTIFY_SOCKET
    std::uint64_t againUs = 500'000;        // RestartSec
    std::uint64_t stopUs = 90'000'000;      // TimeoutStopSec, after which it is killed
    std::string deny = {};                  // the method that is answered with "access denied"
    bool running = true;                    // from the beginning
  };
  explicit FakeSystemd(Setup setup);
  ~FakeSystemd();
  FakeSystemd(const FakeSystemd&) = delete;
  FakeSystemd& operator=(const FakeSystemd&) = delete;

  void run();   // until stop()
  void stop();  // then the command is ended, too
  // To be read after run().
  [[nodiscard]] const std::vector<std::string>& calls() const { return calls_; }

 private:
  void listen();
  void accept();
  void begin();
  void again();
  void killIfStopping();
  template <void (FakeSystemd::*method)()>
  void after(std::uint64_t us);  // once
  void ended(int status);
  void notified();
  void restart();
  int answer(sd_bus_message* message);
  int property(sd_bus_message* message);

  Setup setup_;
  std::vector<std::string> calls_;
  std::string active_ = "inactive", sub_ = "dead", result_ = "success";
  std::uint64_t startedUs_ = 0;
  std::uint32_t job_ = 0;
  bool startWhenEnded_ = false;
  pid_t pid_ = 0;
  std::atomic<bool> stopping_ = false;
  host::UniqueFd listener_, bell_, wake_;
  sd_event* event_ = nullptr;
  std::vector<sd_bus*> buses_;
  std::vector<sd_event_source*> sources_;
};

}  // namespace bedplate::testlib
