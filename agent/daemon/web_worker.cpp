#include "agent/daemon/web_worker.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>

namespace bedplate::daemon {

host::Result<WebWorker> WebWorker::start(source::WorkerSetup setup, const std::atomic<bool>& cancel) {
  WebWorker worker;
  worker.timer_ = host::UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  constexpr long kEveryNs = 100'000'000;
  const itimerspec often{{0, kEveryNs}, {0, kEveryNs}};
  if (!worker.timer_.valid() || ::timerfd_settime(worker.timer_.get(), 0, &often, nullptr) != 0)
    return host::failErrno(errno, "timerfd", "cannot make one");
  setup.interruptFd = worker.timer_.get();
  setup.interrupted = [fd = worker.timer_.get(), &cancel] {
    std::uint64_t times = 0;
    static_cast<void>(!::read(fd, &times, sizeof times));
    return !cancel;
  };
  BEDPLATE_TRY_LET(worker.session_, source::HttpSession::start(setup));
  return worker;
}

}  // namespace bedplate::daemon
