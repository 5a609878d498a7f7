// Frames to and from the worker, each wait with a deadline; the first failure ends the worker.
// Thread-safety: one thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>

#include "agent/source/process.h"
#include "agent/worker/wire.h"

namespace bedplate::source {

class Channel {
 public:
  // Looked at in every wait; see WorkerSetup.
  struct Interrupt {
    int fd = -1;
    std::function<bool()> interrupted;
  };

  // `url` and `mirror` are for messages.
  Channel(Process process, std::string url, std::string mirror, std::int64_t timeoutMs, Interrupt interrupt);

  // For the requests from now on.
  void setTimeout(std::int64_t timeoutMs) {
    timeout_ = std::chrono::milliseconds(std::max<std::int64_t>(timeoutMs, 1));
  }
  // Sends a request; from here on the answer has timeoutMs without progress, and kTotal times that in all.
  host::Status ask(const std::string& frame);
  // The next frame that is not progress. A `failure` comes as its error. What is not in `kinds` or larger than
  // `limit` bytes ends the worker: "WorkerFailed".
  host::Result<wire::Frame> next(std::initializer_list<wire::Kind> kinds, std::size_t limit);
  // Ends the worker; every later call fails with this error.
  host::Failure give(host::Error error);
  host::Failure breach(std::string_view how);
  // A last request that nothing is expected of.
  void say(const std::string& frame);

  static constexpr int kTotal = 20;

 private:
  using Time = std::chrono::steady_clock::time_point;
  host::Status wait(short events);
  host::Status pull();
  host::Failure late();
  host::Failure died();
  host::Failure failure(const wire::Frame& frame);
  void progressed(const wire::Frame& frame);

  Process process_;
  std::string url_;
  std::string mirror_;
  std::chrono::milliseconds timeout_{};
  Interrupt interrupt_;
  Time quiet_;  // the worker is late from here on, unless it moves
  Time last_;   // and in any case from here on
  std::optional<std::uint64_t> progress_;
  std::string in_;
  std::optional<host::Error> over_;
};

}  // namespace bedplate::source
