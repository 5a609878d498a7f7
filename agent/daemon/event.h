// sd-event with owners: a loop, timers and descriptors that end with their objects.
// Thread-safety: used from the thread that runs the loop.
#pragma once

#include <systemd/sd-event.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "tuning/host/result.h"

namespace bedplate::daemon {

struct UnrefEvent {
  void operator()(sd_event* event) const { ::sd_event_unref(event); }
};
struct UnrefSource {
  void operator()(sd_event_source* source) const { ::sd_event_source_disable_unref(source); }
};
using EventPtr = std::unique_ptr<sd_event, UnrefEvent>;
using SourcePtr = std::unique_ptr<sd_event_source, UnrefSource>;

// Fires once after it was armed.
class Timer {
 public:
  // `accuracyMs`: how late it may be, so that the machine can sleep through.
  Timer(sd_event* event, std::int64_t accuracyMs, std::function<void()> fire);
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  void arm(std::int64_t ms);
  void armIfNot(std::int64_t ms);
  void disarm();
  [[nodiscard]] bool armed() const { return armed_; }

 private:
  static int fired(sd_event_source* source, std::uint64_t usec, void* self);
  SourcePtr source_;
  std::uint64_t accuracyUs_;
  std::function<void()> fire_;
  bool armed_ = false;
};

// Calls when a descriptor is readable. The descriptor stays its owner's.
class Readable {
 public:
  Readable(sd_event* event, int fd, std::function<void()> ready);
  Readable(const Readable&) = delete;
  Readable& operator=(const Readable&) = delete;
  // Whether it calls; what is readable meanwhile calls afterwards.
  void enable(bool on);

 private:
  static int fired(sd_event_source* source, int fd, std::uint32_t events, void* self);
  SourcePtr source_;
  std::function<void()> ready_;
};

// Calls at a signal, which must be blocked in every thread.
class OnSignal {
 public:
  OnSignal(sd_event* event, int number, std::function<void()> caught);
  OnSignal(const OnSignal&) = delete;
  OnSignal& operator=(const OnSignal&) = delete;

 private:
  static int fired(sd_event_source* source, const struct signalfd_siginfo* info, void* self);
  SourcePtr source_;
  std::function<void()> caught_;
};

}  // namespace bedplate::daemon
