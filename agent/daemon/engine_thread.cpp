#include "agent/daemon/engine_thread.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <utility>

namespace bedplate::daemon {
namespace {

host::UniqueFd eventFd() { return host::UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

void raise(const host::UniqueFd& fd) {
  const std::uint64_t one = 1;
  // It fails only when the counter is full, and then it is readable.
  static_cast<void>(!::write(fd.get(), &one, sizeof one));
}

void lower(const host::UniqueFd& fd) {
  std::uint64_t count = 0;
  static_cast<void>(!::read(fd.get(), &count, sizeof count));
}

// Done first, also within the wait for a silent remote.
bool frequent(Act act) { return act == Act::repair || act == Act::sample || act == Act::measured; }
// Several that wait are one; a measurement is one of its own.
bool mergeable(Act act) { return act == Act::repair || act == Act::sample || act == Act::sync; }

}  // namespace

host::Result<std::unique_ptr<EngineThread>> EngineThread::start(const MakeRunner& make) {
  host::UniqueFd wake = eventFd();
  host::UniqueFd results = eventFd();
  if (!wake.valid() || !results.valid()) return host::failErrno(errno, "eventfd", "cannot make one");
  // Not make_unique: the constructor is private.
  return std::unique_ptr<EngineThread>(new EngineThread(make, std::move(wake), std::move(results)));
}

EngineThread::EngineThread(const MakeRunner& make, host::UniqueFd wake, host::UniqueFd results)
    : wake_(std::move(wake)),
      results_(std::move(results)),
      runner_(make({wake_.get(), [this] { return interrupted(); }})),
      thread_([this] { loop(); }) {}

EngineThread::~EngineThread() {
  stop();
  thread_.join();
}

void EngineThread::post(Command command, Ticket ticket) {
  {
    const std::lock_guard lock(mutex_);
    auto same = std::find_if(queue_.begin(), queue_.end(), [&](const Waiting& waiting) {
      return mergeable(command.act) && waiting.command.act == command.act &&
             waiting.command.allowPrune == command.allowPrune;
    });
    if (same == queue_.end()) {
      const bool first = frequent(command.act);
      same = queue_.insert(first ? queue_.begin() : queue_.end(), Waiting{std::move(command), {}});
    } else {
      same->command.byHand = same->command.byHand || command.byHand;
      same->command.whole = same->command.whole || command.whole;
      same->command.news.files = same->command.news.files && command.news.files;
      same->command.news.keys = same->command.news.keys && command.news.keys;
      same->command.news.touched.merge(command.news.touched);
      // The last one who wrote a thing is the one whose value is found.
      for (auto& [subject, writer] : command.writers) same->command.writers.insert_or_assign(subject, writer);
    }
    if (ticket != 0) same->tickets.push_back(ticket);
  }
  changed_.notify_one();
  raise(wake_);
}

void EngineThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  raise(wake_);
}

std::vector<EngineThread::Finished> EngineThread::take() {
  lower(results_);
  const std::lock_guard lock(mutex_);
  return std::exchange(finished_, {});
}

bool EngineThread::ended() {
  const std::lock_guard lock(mutex_);
  return ended_;
}

void EngineThread::finish(Done done, std::vector<Ticket> tickets) {
  {
    const std::lock_guard lock(mutex_);
    finished_.push_back({std::move(done), std::move(tickets)});
  }
  raise(results_);
}

bool EngineThread::next(Waiting& waiting) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  if (stopping_) return false;
  waiting = std::move(queue_.front());
  queue_.pop_front();
  return true;
}

void EngineThread::loop() {
  Waiting waiting;
  while (next(waiting)) {
    Done done = runner_->run(waiting.command);
    if (done.cancelled) {
      // Those who asked for it still wait.
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(waiting));
      continue;
    }
    finish(std::move(done), std::move(waiting.tickets));
  }
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  raise(results_);
}

bool EngineThread::takeFrequent(Waiting& waiting) {
  const std::lock_guard lock(mutex_);
  if (queue_.empty() || !frequent(queue_.front().command.act)) return false;
  waiting = std::move(queue_.front());
  queue_.pop_front();
  return true;
}

// Called by the engine while it waits for the worker: true to go on waiting.
bool EngineThread::interrupted() {
  lower(wake_);
  for (Waiting waiting; takeFrequent(waiting);) finish(runner_->run(waiting.command), std::move(waiting.tickets));
  const std::lock_guard lock(mutex_);
  // Another sync can wait for this one.
  return !stopping_ && std::all_of(queue_.begin(), queue_.end(),
                                   [](const Waiting& waiting) { return waiting.command.act == Act::sync; });
}

}  // namespace bedplate::daemon
