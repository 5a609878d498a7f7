// Programs that the tests run: git, ssh-keygen, servers.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace bedplate::gittest {

using Arguments = std::vector<std::string>;

// Runs it to its end and gives its stdout without the last newline. Throws, with its stderr, when it fails.
std::string run(const Arguments& arguments, const std::string& input = {}, const std::string& folder = {});

// A server in the background; ended by its pid.
class Background {
 public:
  // Its stdout and stderr go to `log`.
  Background(const Arguments& arguments, std::string log);
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background();

  [[nodiscard]] std::string logged() const;
  // Waits for a line of the log that begins so, and gives the rest of it; throws after a minute or at its end.
  [[nodiscard]] std::string await(const std::string& beginning) const;

 private:
  pid_t pid_;
  std::string log_;
};

// A port of loopback on which nothing listens (as long as nobody takes it).
int freePort();

// Accepts connections on loopback and says nothing.
class SilentServer {
 public:
  SilentServer();
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;
  ~SilentServer();
  [[nodiscard]] int port() const { return port_; }

 private:
  int fd_;
  int port_;
};

}  // namespace bedplate::gittest
