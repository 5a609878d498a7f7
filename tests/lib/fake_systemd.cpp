#include "tests/lib/fake_systemd.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <string_view>

namespace bedplate::testlib {
namespace {

constexpr const char* kUnitPath = "/org/freedesktop/systemd1/unit/k3s";

void check(int r, const char* what) {
  if (r < 0) throw std::runtime_error(what);
}

host::UniqueFd bound(const std::string& path, int type) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("the path of the socket is too long");
  path.copy(address.sun_path, path.size());
  host::UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::unlink(path.c_str());
  check(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  return fd;
}

std::uint64_t monotonicUs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

}  // namespace

FakeSystemd::FakeSystemd(Setup setup) : setup_(std::move(setup)) {
  listener_ = bound(setup_.socket, SOCK_STREAM);
  check(::listen(listener_.get(), 16), "listen");
  if (!setup_.notify.empty()) bell_ = bound(setup_.notify, SOCK_DGRAM);
  wake_ = host::UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

FakeSystemd::~FakeSystemd() {
  for (auto* source : sources_) sd_event_source_disable_unref(source);
  for (auto* bus : buses_) sd_bus_flush_close_unref(bus);
  sd_event_unref(event_);
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

void FakeSystemd::stop() {
  stopping_ = true;
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_.get(), &one, sizeof one));
}

void FakeSystemd::run() {
  check(sd_event_new(&event_), "event");
  const auto watch = [&](int fd, sd_event_io_handler_t handler) {
    sd_event_source* source = nullptr;
    check(sd_event_add_io(event_, &source, fd, EPOLLIN, handler, this), "io");
    sources_.push_back(source);
  };
  watch(listener_.get(), [](sd_event_source*, int, std::uint32_t, void* self) {
    static_cast<FakeSystemd*>(self)->accept();
    return 0;
  });
  watch(wake_.get(), [](sd_event_source* source, int, std::uint32_t, void*) {
    return sd_event_exit(sd_event_source_get_event(source), 0);
  });
  if (bell_.valid())
    watch(bell_.get(), [](sd_event_source*, int, std::uint32_t, void* self) {
      static_cast<FakeSystemd*>(self)->notified();
      return 0;
    });
  if (setup_.running) begin();
  if (!stopping_) sd_event_loop(event_);
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

template <void (FakeSystemd::*method)()>
void FakeSystemd::after(std::uint64_t us) {
  check(sd_event_add_time_relative(
            event_, nullptr, CLOCK_MONOTONIC, us, 1000,
            [](sd_event_source*, std::uint64_t, void* self) {
              (static_cast<FakeSystemd*>(self)->*method)();
              return 0;
            },
            this),
        "timer");
}

void FakeSystemd::begin() {
  startedUs_ = monotonicUs();
  if (setup_.command.empty()) {
    active_ = "active";
    sub_ = "running";
    job_ = 0;
    return;
  }
  active_ = "activating";
  sub_ = "start";
  pid_ = ::fork();
  check(pid_, "fork");
  if (pid_ == 0) {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const char* log = setup_.log.empty() ? "/dev/null" : setup_.log.c_str();
    const int out = ::open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::setenv("NOTIFY_SOCKET", setup_.notify.c_str(), 1);
    std::vector<char*> words;
    for (auto& word : setup_.command) words.push_back(word.data());
    words.push_back(nullptr);
    ::execvp(words[0], words.data());
    ::_exit(203);
  }
  check(sd_event_add_child(
            event_, nullptr, pid_, WEXITED,
            [](sd_event_source*, const siginfo_t* info, void* self) {
              static_cast<FakeSystemd*>(self)->ended(info->si_status);
              return 0;
            },
            this),
        "child");
}

void FakeSystemd::ended(int status) {
  pid_ = 0;
  result_ = status == 0 ? "success" : "exit-code";
  if (startWhenEnded_) {
    startWhenEnded_ = false;
    return begin();
  }
  job_ = 0;
  active_ = "activating";
  sub_ = "auto-restart";
  after<&FakeSystemd::again>(setup_.againUs);
}

void FakeSystemd::again() {
  if (pid_ == 0 && sub_ == "auto-restart") begin();
}

void FakeSystemd::notified() {
  char text[4096];
  const ssize_t size = ::recv(bell_.get(), text, sizeof text, 0);
  if (size <= 0 || std::string_view(text, static_cast<std::size_t>(size)).find("READY=1") == std::string_view::npos)
    return;
  if (active_ != "activating" || pid_ == 0) return;
  active_ = "active";
  sub_ = "running";
  job_ = 0;
}

void FakeSystemd::restart() {
  job_ = 7;
  if (pid_ == 0) return begin();
  startWhenEnded_ = true;
  active_ = "deactivating";
  sub_ = "stop-sigterm";
  ::kill(pid_, SIGTERM);
  after<&FakeSystemd::killIfStopping>(setup_.stopUs);
}

void FakeSystemd::killIfStopping() {
  if (pid_ > 0 && sub_ == "stop-sigterm") ::kill(pid_, SIGKILL);
}

void FakeSystemd::accept() {
  const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  sd_bus* bus = nullptr;
  check(sd_bus_new(&bus), "bus");
  buses_.push_back(bus);
  sd_id128_t id{};
  check(sd_id128_randomize(&id), "id");
  check(sd_bus_set_fd(bus, fd, fd), "fd");
  check(sd_bus_set_server(bus, 1, id), "server");
  check(sd_bus_start(bus), "start");
  check(sd_bus_add_filter(
            bus, nullptr,
            [](sd_bus_message* message, void* self, sd_bus_error*) {
              return static_cast<FakeSystemd*>(self)->answer(message);
            },
            this),
        "filter");
  check(sd_bus_attach_event(bus, event_, 0), "attach");
}

int FakeSystemd::answer(sd_bus_message* message) {
  if (sd_bus_message_is_method_call(message, nullptr, nullptr) <= 0) return 0;
  const std::string_view method = sd_bus_message_get_member(message);
  if (method == "Hello") return sd_bus_reply_method_return(message, "s", ":1.1");
  if (method == "AddMatch" || method == "RemoveMatch") return sd_bus_reply_method_return(message, "");
  if (method == setup_.deny)
    return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_ACCESS_DENIED, "Access denied by the test");
  if (method == "Get") return property(message);
  const char* unit = nullptr;
  check(sd_bus_message_read(message, "s", &unit), "read");
  calls_.push_back(std::string(method) + " " + unit);
  if (unit != setup_.unit)
    return sd_bus_reply_method_errorf(message, "org.freedesktop.systemd1.NoSuchUnit", "Unit %s not found.", unit);
  if (method == "LoadUnit") return sd_bus_reply_method_return(message, "o", kUnitPath);
  if (method != "RestartUnit") return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_UNKNOWN_METHOD, "not played");
  restart();
  return sd_bus_reply_method_return(message, "o", "/org/freedesktop/systemd1/job/7");
}

int FakeSystemd::property(sd_bus_message* message) {
  const char* interface = nullptr;
  const char* name = nullptr;
  check(sd_bus_message_read(message, "ss", &interface, &name), "read");
  const std::string_view which = name;
  if (which == "ActiveState") return sd_bus_reply_method_return(message, "v", "s", active_.c_str());
  if (which == "SubState") return sd_bus_reply_method_return(message, "v", "s", sub_.c_str());
  if (which == "Result") return sd_bus_reply_method_return(message, "v", "s", result_.c_str());
  if (which == "ExecMainStartTimestampMonotonic") return sd_bus_reply_method_return(message, "v", "t", startedUs_);
  if (which == "Job")
    return sd_bus_reply_method_return(message, "v", "(uo)", job_, job_ == 0 ? "/" : "/org/freedesktop/systemd1/job/7");
  return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_UNKNOWN_PROPERTY, "not played");
}

}  // namespace bedplate::testlib
