#include "agent/daemon/probe_thread.h"

#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

namespace bedplate::daemon {
namespace {

// Also without news the clock is looked at now and then.
constexpr std::int64_t kLongestWaitNs = 3'600'000'000'000;

void raise(const host::UniqueFd& fd) {
  const std::uint64_t one = 1;
  // It fails only when the counter is full, and then it is readable.
  static_cast<void>(!::write(fd.get(), &one, sizeof one));
}

}  // namespace

host::Result<std::unique_ptr<ProbeThread>> ProbeThread::start(const char* name, host::Clock& clock,
                                                              std::vector<std::unique_ptr<ProbeJob>> jobs) {
  host::UniqueFd results(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!results.valid()) return host::failErrno(errno, "eventfd", "cannot make one");
  // Not make_unique: the constructor is private.
  return std::unique_ptr<ProbeThread>(new ProbeThread(name, clock, std::move(jobs), std::move(results)));
}

ProbeThread::ProbeThread(const char* name, host::Clock& clock, std::vector<std::unique_ptr<ProbeJob>> jobs,
                         host::UniqueFd results)
    : clock_(clock), jobs_(std::move(jobs)), results_(std::move(results)), thread_([this, name] { loop(name); }) {}

ProbeThread::~ProbeThread() {
  stop();
  thread_.join();
}

void ProbeThread::configure(const Measuring& measuring) {
  {
    const std::lock_guard lock(mutex_);
    measuring_ = measuring;
    ++configured_;
  }
  changed_.notify_one();
}

void ProbeThread::stop() {
  {
    // Under the lock: a thread between its look at the flag and its wait would miss the call.
    const std::lock_guard lock(mutex_);
    cancel_ = true;
  }
  changed_.notify_one();
}

std::vector<Measured> ProbeThread::take() {
  std::uint64_t count = 0;
  static_cast<void>(!::read(results_.get(), &count, sizeof count));
  const std::lock_guard lock(mutex_);
  return std::exchange(measured_, {});
}

bool ProbeThread::ended() {
  const std::lock_guard lock(mutex_);
  return ended_;
}

// Waits for a job that is due, and gives it with the settings of now; null at the end.
ProbeJob* ProbeThread::next(Measuring& measuring) {
  std::unique_lock lock(mutex_);
  while (!cancel_) {
    measuring = measuring_;
    const std::uint64_t seen = configured_;
    const std::int64_t now = clock_.monotonicNs();
    std::int64_t earliest = now + kLongestWaitNs;
    ProbeJob* first = nullptr;
    for (const auto& job : jobs_) {
      const auto due = job->dueNs(measuring, now);
      if (!due || *due >= earliest) continue;
      earliest = *due;
      first = job.get();
    }
    if (first != nullptr && earliest <= now) return first;
    changed_.wait_for(lock, std::chrono::nanoseconds(earliest - now), [&] { return cancel_ || configured_ != seen; });
  }
  return nullptr;
}

void ProbeThread::loop(const char* name) {
  ::prctl(PR_SET_NAME, name);
  Measuring measuring;
  while (ProbeJob* job = next(measuring)) {
    auto measured = job->run(measuring, cancel_);
    if (!measured || cancel_) continue;
    const std::lock_guard lock(mutex_);
    measured_.push_back(*std::move(measured));
    raise(results_);
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  raise(results_);
}

}  // namespace bedplate::daemon
