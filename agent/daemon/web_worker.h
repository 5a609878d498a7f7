// An HTTP worker for a probe: it is ended soon after the probe is cancelled.
// Thread-safety: used from one thread.
#pragma once

#include <atomic>
#include <memory>

#include "agent/source/http.h"
#include "tuning/host/unique_fd.h"

namespace bedplate::daemon {

class WebWorker {
 public:
  // `cancel` must outlive it. "WorkerFailed".
  static host::Result<WebWorker> start(source::WorkerSetup setup, const std::atomic<bool>& cancel);
  source::HttpSession& session() { return *session_; }

 private:
  WebWorker() = default;
  host::UniqueFd timer_;  // readable ten times a second: then `cancel` is looked at
  std::unique_ptr<source::HttpSession> session_;
};

}  // namespace bedplate::daemon
