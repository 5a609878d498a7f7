#include "agent/worker/channel.h"

#include <sys/socket.h>

#include <cerrno>

namespace bedplate::worker {
namespace {

constexpr std::size_t kChunk = 64 << 10;
// A job or a want; nothing that large comes from the agent.
constexpr std::size_t kMaxRequest = 8 << 20;

}  // namespace

std::optional<wire::Frame> Channel::receive() {
  for (;;) {
    bool bad = false;
    if (auto frame = wire::takeFrame(in_, bad, kMaxRequest)) return frame;
    if (bad) return std::nullopt;
    const std::size_t had = in_.size();
    in_.resize(had + kChunk);
    const ssize_t n = ::recv(fd_, in_.data() + had, kChunk, 0);
    in_.resize(had + static_cast<std::size_t>(n > 0 ? n : 0));
    if (n == 0 || (n < 0 && errno != EINTR)) return std::nullopt;
  }
}

bool Channel::send(const std::string& frame) { return queue(frame) && flush(); }

bool Channel::queue(const std::string& frame) {
  out_ += frame;
  return out_.size() < kChunk || flush();
}

bool Channel::flush() {
  std::size_t sent = 0;
  while (sent < out_.size()) {
    const ssize_t n = ::send(fd_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) sent += static_cast<std::size_t>(n);
  }
  out_.clear();
  return true;
}

}  // namespace bedplate::worker
