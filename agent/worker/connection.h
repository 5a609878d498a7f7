// One connection to the remote: look at the branch, then perhaps download it.
// Thread-safety: one thread; the repository and the job must outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "agent/worker/job.h"
#include "tuning/host/result.h"

struct git_repository;

namespace bedplate::worker {

class Connection {
 public:
  // `progress` is called with a number that changes as bytes and objects come; false stops the download.
  using Progress = std::function<bool(std::uint64_t)>;
  Connection(const Job& job, git_repository* repository, Progress progress);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // Connects and gives the head (hex) of the branch. Reasons as source::Session::start.
  host::Result<std::string> look();
  // Brings what the branch held at look() into the repository's object database. "MirrorFailed" where the fault lies
  // on our side of the connection.
  host::Status download();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bedplate::worker
