#include "agent/source/channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "agent/source/text.h"

namespace bedplate::source {
namespace {

constexpr std::size_t kChunk = 32 << 10;
constexpr std::size_t kMaxWhy = 600;
constexpr std::int64_t kEndMs = 1000;

struct Way {
  std::string_view reason;
  std::string_view todo;
};

// What the worker may say, and the way out of each.
constexpr std::array kWays = {
    Way{"RemoteUnreachable", "what is in force stays; it is tried again; check the URL, the network and the server"},
    Way{"AuthenticationFailed", "check ssh-key or token-file in bedplate.conf, and that the server knows the key"},
    Way{"HostKeyRefused", "compare the fingerprint with the server's own, then add its key to the known-hosts file"},
    Way{"CertificateRefused", "check ca-file in bedplate.conf, and the name and the dates of the server's certificate"},
    Way{"BranchNotFound", "check branch in bedplate.conf, or push the branch"},
    Way{"UrlRefused", "use file:///path, ssh://user@host[:port]/path, user@host:path or https://host[:port]/path"},
    Way{"MirrorFailed", "check that its folder belongs to the worker's user and that the disk has space"},
    Way{"ObjectMissing", "name a commit of the branch; if it is there, it is fetched anew with the next sync"},
    Way{"NotDescendant", "see what was rewritten, then: bedplate trust accept COMMIT"},
    Way{"TooManyCommits", "name a newer commit with: bedplate trust accept COMMIT"},
    Way{"WorkerFailed", "see the journal; reinstall the package if it stays"},
};

bool contains(std::initializer_list<wire::Kind> kinds, wire::Kind kind) {
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

}  // namespace

Channel::Channel(Process process, std::string url, std::string mirror, std::int64_t timeoutMs, Interrupt interrupt)
    : process_(std::move(process)), url_(std::move(url)), mirror_(std::move(mirror)), interrupt_(std::move(interrupt)) {
  setTimeout(timeoutMs);
}

host::Failure Channel::give(host::Error error) {
  process_.kill();
  over_ = error;
  return host::Failure(std::move(error));
}

host::Failure Channel::breach(std::string_view how) {
  return give(host::fail("WorkerFailed", "bedplate-worker", how, kWays.back().todo).value());
}

host::Failure Channel::late() {
  const bool total = std::chrono::steady_clock::now() >= last_;
  const auto seconds = std::chrono::duration<double>(timeout_).count() * (total ? kTotal : 1);
  char shown[32];
  std::snprintf(shown, sizeof shown, "%.3g", seconds);
  return give(host::fail("Timeout", url_,
                         std::string(total ? "was not done after " : "no progress for ") + shown + " s",
                         "it is tried again; check the server, or raise timeout in bedplate.conf")
                  .value());
}

host::Failure Channel::died() {
  const std::string how = process_.end(kEndMs);
  return give(host::fail("WorkerFailed", "bedplate-worker", how, kWays.back().todo).value());
}

host::Failure Channel::failure(const wire::Frame& frame) {
  wire::Reader reader(frame.payload);
  const auto reason = reader.text();
  const auto why = reader.text();
  if (!reason || !why || !reader.done()) return breach("sent a failure that cannot be read");
  const auto* way = std::find_if(kWays.begin(), kWays.end(), [&](const Way& one) { return one.reason == *reason; });
  if (way == kWays.end()) return breach("failed for a reason that is not known");
  const bool ofMirror = *reason == "MirrorFailed";
  return host::fail(*reason, ofMirror ? mirror_ : url_, shownText(*why, kMaxWhy), way->todo);
}

host::Status Channel::wait(short events) {
  for (;;) {
    const auto until = std::min(quiet_, last_);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    if (left <= 0) return late();
    // poll() passes over a descriptor of -1.
    std::array<pollfd, 3> waiting{pollfd{process_.socket(), events, 0}, pollfd{process_.errors(), POLLIN, 0},
                                  pollfd{interrupt_.interrupted ? interrupt_.fd : -1, POLLIN, 0}};
    const int ready = ::poll(waiting.data(), waiting.size(), static_cast<int>(std::min<std::int64_t>(left, 60000)));
    if (ready < 0 && errno != EINTR) return breach("cannot be waited for");
    if (ready <= 0) continue;
    if (waiting[1].revents != 0) process_.readErrors();
    if (waiting[2].revents != 0 && !interrupt_.interrupted())
      return give(host::fail("Cancelled", url_, "the wait was ended").value());
    if (waiting[0].revents != 0) return {};
  }
}

host::Status Channel::ask(const std::string& frame) {
  if (over_) return host::Failure(*over_);
  const auto now = std::chrono::steady_clock::now();
  quiet_ = now + timeout_;
  last_ = now + kTotal * timeout_;
  progress_.reset();
  std::size_t sent = 0;
  while (sent < frame.size()) {
    const ssize_t n = ::send(process_.socket(), frame.data() + sent, frame.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      sent += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      BEDPLATE_TRY(wait(POLLOUT));
    } else if (errno != EINTR) {
      return died();
    }
  }
  return {};
}

void Channel::say(const std::string& frame) {
  if (!over_) static_cast<void>(!::send(process_.socket(), frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

host::Status Channel::pull() {
  for (;;) {
    const std::size_t had = in_.size();
    in_.resize(had + kChunk);
    const ssize_t n = ::recv(process_.socket(), in_.data() + had, kChunk, MSG_DONTWAIT);
    in_.resize(had + static_cast<std::size_t>(n > 0 ? n : 0));
    if (n > 0) return {};
    if (n == 0) return died();
    if (errno == EAGAIN) {
      BEDPLATE_TRY(wait(POLLIN));
    } else if (errno != EINTR) {
      return died();
    }
  }
}

// A number that stands still is not progress.
void Channel::progressed(const wire::Frame& frame) {
  wire::Reader reader(frame.payload);
  const auto value = reader.u64();
  if (!value || progress_ == value) return;
  progress_ = value;
  quiet_ = std::chrono::steady_clock::now() + timeout_;
}

host::Result<wire::Frame> Channel::next(std::initializer_list<wire::Kind> kinds, std::size_t limit) {
  if (over_) return host::Failure(*over_);
  for (;;) {
    // Endless frames that are always there would never come to wait().
    if (std::chrono::steady_clock::now() >= last_) return late();
    bool bad = false;
    auto frame = wire::takeFrame(in_, bad, limit);
    if (bad) return breach("sent what cannot be a frame");
    if (!frame) {
      BEDPLATE_TRY(pull());
      continue;
    }
    if (frame->kind == wire::Kind::progress) {
      progressed(*frame);
      continue;
    }
    quiet_ = std::chrono::steady_clock::now() + timeout_;
    if (frame->kind == wire::Kind::failure) return failure(*frame);
    if (!contains(kinds, frame->kind)) return breach("sent a frame that was not asked for");
    return std::move(*frame);
  }
}

}  // namespace bedplate::source
