#include <systemd/sd-bus.h>

#include <cstdlib>
#include <memory>
#include <string_view>

#include "agent/k3s/unit.h"
#include "tuning/host/paths.h"

namespace bedplate::k3s {
namespace {

constexpr const char* kManager = "org.freedesktop.systemd1";
constexpr const char* kManagerPath = "/org/freedesktop/systemd1";
constexpr const char* kManagerInterface = "org.freedesktop.systemd1.Manager";
constexpr const char* kUnitInterface = "org.freedesktop.systemd1.Unit";
constexpr const char* kServiceInterface = "org.freedesktop.systemd1.Service";
constexpr std::uint64_t kTimeoutUs = 3'000'000;  // of one call

struct CloseBus {
  void operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }
};
struct UnrefMessage {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using Bus = std::unique_ptr<sd_bus, CloseBus>;
using Message = std::unique_ptr<sd_bus_message, UnrefMessage>;

class BusError {
 public:
  BusError() = default;
  BusError(const BusError&) = delete;
  BusError& operator=(const BusError&) = delete;
  ~BusError() { sd_bus_error_free(&error_); }
  sd_bus_error* get() { return &error_; }

  host::Failure of(const std::string& unit, const char* doing, int r) const {
    const std::string_view kind = error_.name != nullptr ? error_.name : "";
    host::Error made = host::failErrno(-r, unit, doing).value();
    if (error_.message != nullptr) made.why = std::string(doing) + ": " + error_.message;
    made.reason = "Unavailable";
    if (kind.ends_with(".NoSuchUnit")) made.reason = "NotFound";
    if (kind == SD_BUS_ERROR_ACCESS_DENIED || kind == SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED)
      made.reason = "Denied";
    if (kind == SD_BUS_ERROR_NO_REPLY || r == -ETIMEDOUT) made.reason = "Timeout";
    made.todo = "systemctl status " + unit;
    return host::Failure(std::move(made));
  }

 private:
  sd_bus_error error_ = SD_BUS_ERROR_NULL;
};

// The bytes that a D-Bus address does not take as they are.
std::string addressOf(const std::string& path) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/.";
  std::string address = "unix:path=";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (kPlain.find(c) != std::string_view::npos)
      address += c;
    else
      address += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return address;
}

// The socket below our own root: a tree of files must not restart anything of this machine.
host::Result<Bus> open(host::Files& files, const std::string& unit) {
  if (!files.info(host::paths::systemBus))
    return host::fail("Unavailable", unit, "cannot be asked for, there is no system bus", "start dbus");
  sd_bus* raw = nullptr;
  int r = sd_bus_new(&raw);
  Bus bus(raw);
  if (r >= 0) r = sd_bus_set_address(bus.get(), addressOf(files.shown(host::paths::systemBus)).c_str());
  if (r >= 0) r = sd_bus_set_bus_client(bus.get(), 1);
  if (r >= 0) r = sd_bus_set_method_call_timeout(bus.get(), kTimeoutUs);
  if (r >= 0) r = sd_bus_start(bus.get());
  if (r < 0) {
    auto failure = host::failErrno(-r, unit, "cannot talk to the system bus", "systemctl status dbus");
    failure.value().reason = "Unavailable";
    return failure;
  }
  return bus;
}

host::Result<std::string> pathOf(sd_bus* bus, const std::string& unit) {
  BusError error;
  sd_bus_message* raw = nullptr;
  int r = sd_bus_call_method(bus, kManager, kManagerPath, kManagerInterface, "LoadUnit", error.get(), &raw, "s",
                             unit.c_str());
  const Message answer(raw);
  const char* path = nullptr;
  if (r >= 0) r = sd_bus_message_read(answer.get(), "o", &path);
  if (r < 0) return error.of(unit, "systemd does not know it", r);
  return std::string(path);
}

host::Status readText(sd_bus* bus, const std::string& unit, const std::string& path, const char* property,
                      const char* interface, std::string& to) {
  BusError error;
  char* text = nullptr;
  const int r = sd_bus_get_property_string(bus, kManager, path.c_str(), interface, property, error.get(), &text);
  if (r < 0) return error.of(unit, "systemd does not say how it is", r);
  const std::unique_ptr<char, decltype(&std::free)> owned(text, std::free);
  to = text;
  return {};
}

}  // namespace

std::string unitOf(const std::string& role) { return role == "agent" ? "k3s-agent.service" : "k3s.service"; }

host::Result<UnitState> SystemdUnit::look(const std::string& unit) {
  BEDPLATE_TRY_LET(const Bus bus, open(files_, unit));
  BEDPLATE_TRY_LET(const std::string path, pathOf(bus.get(), unit));
  UnitState state;
  BEDPLATE_TRY(readText(bus.get(), unit, path, "ActiveState", kUnitInterface, state.active));
  BEDPLATE_TRY(readText(bus.get(), unit, path, "SubState", kUnitInterface, state.sub));
  BEDPLATE_TRY(readText(bus.get(), unit, path, "Result", kServiceInterface, state.result));
  BusError error;
  std::uint64_t startedUs = 0;
  int r = sd_bus_get_property_trivial(bus.get(), kManager, path.c_str(), kServiceInterface,
                                      "ExecMainStartTimestampMonotonic", error.get(), 't', &startedUs);
  if (r < 0) return error.of(unit, "systemd does not say when it was started", r);
  state.startedNs = static_cast<std::int64_t>(startedUs) * 1000;
  sd_bus_message* raw = nullptr;
  r = sd_bus_get_property(bus.get(), kManager, path.c_str(), kUnitInterface, "Job", error.get(), &raw, "(uo)");
  const Message job(raw);
  std::uint32_t number = 0;
  const char* object = nullptr;
  if (r >= 0) r = sd_bus_message_read(job.get(), "(uo)", &number, &object);
  if (r < 0) return error.of(unit, "systemd does not say what it is at", r);
  state.job = number != 0;
  return state;
}

host::Status SystemdUnit::restart(const std::string& unit) {
  BEDPLATE_TRY_LET(const Bus bus, open(files_, unit));
  BusError error;
  const int r = sd_bus_call_method(bus.get(), kManager, kManagerPath, kManagerInterface, "RestartUnit", error.get(),
                                   nullptr, "ss", unit.c_str(), "replace");
  if (r < 0) return error.of(unit, "systemd does not restart it", r);
  return {};
}

}  // namespace bedplate::k3s
