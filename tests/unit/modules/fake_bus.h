// A system bus with a systemd on it, both played by one thread behind a socket: the wire is the real one.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tuning/host/unique_fd.h"

struct sd_bus_message;

namespace bedplate::modules {

class FakeBus {
 public:
  enum class Manner { answerThenEnd, endThenAnswer, deny, silent, hangUp };

  // `onStart` runs when a unit is asked for, before anything is answered.
  FakeBus(const std::string& socket, Manner manner, std::function<void()> onStart = {}, std::string result = "done");
  ~FakeBus();
  FakeBus(const FakeBus&) = delete;
  FakeBus& operator=(const FakeBus&) = delete;

  // "StartUnit modprobe@x.service replace"; to be read after the client has gone.
  [[nodiscard]] const std::vector<std::string>& calls() const { return calls_; }
  // Ends the thread.
  void stop();

 private:
  void serve();
  static int onMessage(::sd_bus_message* message, void* data, void* error);

  Manner manner_;
  std::function<void()> onStart_;
  std::string result_;
  std::vector<std::string> calls_;
  host::UniqueFd listener_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace bedplate::modules
