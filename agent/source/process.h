// The worker as a process, or another program that reads foreign bytes: started without rights, ended for sure.
// Thread-safety: one thread; starting is safe in a program with threads.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "agent/source/source.h"
#include "tuning/host/unique_fd.h"

namespace bedplate::source {

// What it is given beside its socket.
struct Command {
  std::string writable = {};  // the one folder below which it may write; see landlock.h
  std::vector<std::string> arguments = {"3"};
  std::vector<int> descriptors = {};  // of ours; its descriptors 5, 6, ...
};

class Process {
 public:
  // "WorkerFailed" with the step that failed. It writes nowhere but below `writable`, has no new privileges, and the
  // limits of `setup`. The worker has its end of a socket pair as descriptor 3, /dev/null as
  // stdin and stdout, a pipe to us as stderr, the descriptors of `command`, and nothing else that is open.
  static host::Result<Process> start(const WorkerSetup& setup, const Command& command = {});
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  // Ends it: a moment to leave after the socket is closed, then SIGKILL.
  ~Process();

  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] int errors() const { return errors_.get(); }
  // Takes what the worker said on stderr; the end of it is kept.
  void readErrors();
  void kill();
  // Waits for the end (killing after `patienceMs`) and says how it was: "ended with status 2", "was killed by signal
  // 11 (Segmentation fault)", with the last line of its stderr.
  std::string end(std::int64_t patienceMs);

 private:
  Process(pid_t pid, host::UniqueFd pidFd, host::UniqueFd socket, host::UniqueFd errors);

  pid_t pid_ = -1;
  host::UniqueFd pidFd_;
  host::UniqueFd socket_;
  host::UniqueFd errors_;
  std::string said_;
  std::string ended_;
};

}  // namespace bedplate::source
