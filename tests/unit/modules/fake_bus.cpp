#include "tests/unit/modules/fake_bus.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>

#include <memory>
#include <stdexcept>
#include <string_view>

namespace bedplate::modules {
namespace {

struct UnrefMessage {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
struct CloseBus {
  void operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }
};

void check(int r, const char* what) {
  if (r < 0) throw std::runtime_error(what);
}

void sendJobRemoved(sd_bus* bus, const char* job, const std::string& unit, const std::string& result) {
  sd_bus_message* raw = nullptr;
  check(sd_bus_message_new_signal(bus, &raw, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                                  "JobRemoved"),
        "signal");
  const std::unique_ptr<sd_bus_message, UnrefMessage> signal(raw);
  check(sd_bus_message_append(raw, "uoss", 7U, job, unit.c_str(), result.c_str()), "append");
  check(sd_bus_message_set_sender(raw, "org.freedesktop.systemd1"), "sender");
  check(sd_bus_send(bus, raw, nullptr), "send");
}

}  // namespace

FakeBus::FakeBus(const std::string& socket, Manner manner, std::function<void()> onStart, std::string result)
    : manner_(manner), onStart_(std::move(onStart)), result_(std::move(result)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) throw std::runtime_error("the path of the socket is too long");
  socket.copy(address.sun_path, socket.size());
  listener_ = host::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  check(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  check(::listen(listener_.get(), 4), "listen");
  thread_ = std::thread([this] { serve(); });
}

FakeBus::~FakeBus() { stop(); }

void FakeBus::stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void FakeBus::serve() {
  pollfd waiting{listener_.get(), POLLIN, 0};
  while (!stop_ && ::poll(&waiting, 1, 20) == 0) {
  }
  if (stop_) return;
  const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  sd_bus* raw = nullptr;
  check(sd_bus_new(&raw), "new");
  const std::unique_ptr<sd_bus, CloseBus> bus(raw);
  sd_id128_t id{};
  check(sd_id128_randomize(&id), "id");
  check(sd_bus_set_fd(raw, fd, fd), "fd");
  check(sd_bus_set_server(raw, 1, id), "server");
  check(sd_bus_start(raw), "start");
  const auto handler = [](sd_bus_message* message, void* data, sd_bus_error* error) {
    return onMessage(message, data, error);
  };
  check(sd_bus_add_filter(raw, nullptr, handler, this), "filter");
  while (!stop_) {
    const int r = sd_bus_process(raw, nullptr);
    if (r < 0) return;
    if (r == 0 && sd_bus_wait(raw, 20'000) < 0) return;
  }
}

int FakeBus::onMessage(sd_bus_message* message, void* data, void* /*error*/) {
  auto& self = *static_cast<FakeBus*>(data);
  const char* member = sd_bus_message_get_member(message);
  if (member == nullptr || sd_bus_message_is_method_call(message, nullptr, nullptr) <= 0) return 0;
  const std::string_view method = member;
  if (method == "Hello") return sd_bus_reply_method_return(message, "s", ":1.1");
  if (method != "StartUnit") return sd_bus_reply_method_return(message, "");
  const char* unit = nullptr;
  const char* mode = nullptr;
  check(sd_bus_message_read(message, "ss", &unit, &mode), "read");
  const std::string name = unit;
  self.calls_.push_back("StartUnit " + name + " " + mode);
  if (self.onStart_) self.onStart_();
  sd_bus* bus = sd_bus_message_get_bus(message);
  const char* job = "/org/freedesktop/systemd1/job/7";
  switch (self.manner_) {
    case Manner::silent: return 1;
    case Manner::hangUp: sd_bus_close(bus); return 1;
    case Manner::deny:
      return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_ACCESS_DENIED, "Access denied by the test");
    case Manner::endThenAnswer:
      sendJobRemoved(bus, job, name, self.result_);
      return sd_bus_reply_method_return(message, "o", job);
    case Manner::answerThenEnd:
      check(sd_bus_reply_method_return(message, "o", job), "reply");
      // Another job's end in between must not count.
      sendJobRemoved(bus, "/org/freedesktop/systemd1/job/8", "other.service", "done");
      sendJobRemoved(bus, job, name, self.result_);
      return 1;
  }
  return 0;
}

}  // namespace bedplate::modules
