// Frames over the socket to the agent, blocking: the agent holds the deadline and ends us when it passes.
#pragma once

#include <optional>
#include <string>

#include "agent/worker/wire.h"

namespace bedplate::worker {

class Channel {
 public:
  explicit Channel(int fd) : fd_(fd) {}
  // nullopt at the end of the stream, or when what came cannot be a frame.
  std::optional<wire::Frame> receive();
  // False when nobody listens any more.
  bool send(const std::string& frame);
  // Holds frames back to send them together; flush() sends them.
  bool queue(const std::string& frame);
  bool flush();

 private:
  int fd_;
  std::string in_;
  std::string out_;
};

}  // namespace bedplate::worker
