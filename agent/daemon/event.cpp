#include "agent/daemon/event.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

namespace bedplate::daemon {
namespace {

// Adding a source fails only without memory or descriptors, at the very start: there is no daemon without it.
void must(int result) {
  if (result < 0) std::abort();
}

}  // namespace

Timer::Timer(sd_event* event, std::int64_t accuracyMs, std::function<void()> fire)
    : accuracyUs_(static_cast<std::uint64_t>(accuracyMs) * 1000), fire_(std::move(fire)) {
  sd_event_source* source = nullptr;
  // BOOTTIME: a machine that was suspended must not wait for the rest of its hour.
  must(::sd_event_add_time_relative(event, &source, CLOCK_BOOTTIME, 0, std::max<std::uint64_t>(accuracyUs_, 1),
                                    &Timer::fired, this));
  source_.reset(source);
  must(::sd_event_source_set_enabled(source, SD_EVENT_OFF));
}

void Timer::arm(std::int64_t ms) {
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(ms, 0)) * 1000;
  must(::sd_event_source_set_time_relative(source_.get(), us));
  must(::sd_event_source_set_enabled(source_.get(), SD_EVENT_ONESHOT));
  armed_ = true;
}

void Timer::armIfNot(std::int64_t ms) {
  if (!armed_) arm(ms);
}

void Timer::disarm() {
  must(::sd_event_source_set_enabled(source_.get(), SD_EVENT_OFF));
  armed_ = false;
}

int Timer::fired(sd_event_source*, std::uint64_t, void* self) {
  auto* timer = static_cast<Timer*>(self);
  timer->armed_ = false;
  timer->fire_();
  return 0;
}

Readable::Readable(sd_event* event, int fd, std::function<void()> ready) : ready_(std::move(ready)) {
  sd_event_source* source = nullptr;
  must(::sd_event_add_io(event, &source, fd, EPOLLIN, &Readable::fired, this));
  source_.reset(source);
}

void Readable::enable(bool on) {
  if (source_) ::sd_event_source_set_enabled(source_.get(), on ? SD_EVENT_ON : SD_EVENT_OFF);
}

int Readable::fired(sd_event_source*, int, std::uint32_t, void* self) {
  static_cast<Readable*>(self)->ready_();
  return 0;
}

OnSignal::OnSignal(sd_event* event, int number, std::function<void()> caught) : caught_(std::move(caught)) {
  sd_event_source* source = nullptr;
  must(::sd_event_add_signal(event, &source, number, &OnSignal::fired, this));
  source_.reset(source);
}

int OnSignal::fired(sd_event_source*, const struct signalfd_siginfo*, void* self) {
  static_cast<OnSignal*>(self)->caught_();
  return 0;
}

}  // namespace bedplate::daemon
