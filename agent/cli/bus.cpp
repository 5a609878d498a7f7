#include "agent/cli/bus.h"

#include <systemd/sd-bus.h>

#include <cerrno>
#include <cstring>

#include "agent/report/bus_names.h"

namespace bedplate::cli {
namespace {

namespace names = report::bus;

// A first fetch of a large repository over a slow line may take minutes; a dead daemon is noticed at once all the same,
// because the bus says that the name is gone.
constexpr std::uint64_t kPatienceUs = 30ull * 60 * 1'000'000;

struct CallError {
  sd_bus_error error = SD_BUS_ERROR_NULL;
  CallError() = default;
  CallError(const CallError&) = delete;
  CallError& operator=(const CallError&) = delete;
  ~CallError() { sd_bus_error_free(&error); }
};

// The bus, or the daemon's end of it, went away while we waited.
bool gone(int errnum, const sd_bus_error* error) {
  if (errnum == ECONNRESET || errnum == ENOTCONN || errnum == EPIPE || errnum == ESHUTDOWN) return true;
  return error != nullptr && (::sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) > 0 ||
                              ::sd_bus_error_has_name(error, SD_BUS_ERROR_DISCONNECTED) > 0);
}

host::Failure failure(int errnum, const char* method, const sd_bus_error* error) {
  if (gone(errnum, error))
    return host::fail("Disconnected", std::string("the daemon's ") + method,
                      "the daemon or the bus ended before it answered; what was asked for may have been done",
                      "see bedplate status and journalctl -u bedplated, then try again");
  const std::string why = error != nullptr && error->message != nullptr ? error->message : std::strerror(errnum);
  const bool denied = errnum == EACCES || errnum == EPERM;
  return host::fail(denied ? "Denied" : "BusFailed", std::string("the daemon's ") + method, why,
                    denied ? "run it as root" : "see journalctl -u bedplated");
}

bool owned(sd_bus* bus) {
  CallError error;
  sd_bus_message* reply = nullptr;
  int yes = 0;
  const int called = sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                        "NameHasOwner", &error.error, &reply, "s", names::service);
  if (called < 0) return false;
  const int read = sd_bus_message_read(reply, "b", &yes);
  sd_bus_message_unref(reply);
  return read >= 0 && yes != 0;
}

}  // namespace

void Bus::Close::operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }
void Bus::Drop::operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }

std::unique_ptr<Bus> Bus::daemon(const Context& context) {
  if (!context.busApplies()) return nullptr;
  sd_bus* raw = nullptr;
  if (sd_bus_open_system(&raw) < 0) return nullptr;
  std::unique_ptr<Bus> bus(new Bus(raw));
  return owned(raw) ? std::move(bus) : nullptr;
}

host::Result<Bus::Message> Bus::request(const char* method) {
  sd_bus_message* raw = nullptr;
  const int made =
      sd_bus_message_new_method_call(bus_.get(), &raw, names::service, names::path, names::interface, method);
  if (made < 0) return failure(-made, method, nullptr);
  return Message(raw);
}

host::Result<Bus::Message> Bus::send(Message request, const char* method) {
  CallError error;
  sd_bus_message* reply = nullptr;
  const int called = sd_bus_call(bus_.get(), request.get(), kPatienceUs, &error.error, &reply);
  if (called < 0) return failure(-called, method, &error.error);
  return Message(reply);
}

host::Result<report::Answer> Bus::answer(Message request, const char* method) {
  BEDPLATE_TRY_LET(const auto reply, send(std::move(request), method));
  std::int32_t status = 0;
  const char* text = nullptr;
  const int read = sd_bus_message_read(reply.get(), "is", &status, &text);
  if (read < 0) return failure(-read, method, nullptr);
  return report::Answer{status, text};
}

host::Result<report::Answer> Bus::sync(bool allowPrune) {
  BEDPLATE_TRY_LET(auto message, request("Sync"));
  const int put = sd_bus_message_append(message.get(), "b", allowPrune ? 1 : 0);
  if (put < 0) return failure(-put, "Sync", nullptr);
  return answer(std::move(message), "Sync");
}

host::Result<report::Answer> Bus::rollback(std::int64_t generation) {
  BEDPLATE_TRY_LET(auto message, request("Rollback"));
  const int put = sd_bus_message_append(message.get(), "x", generation);
  if (put < 0) return failure(-put, "Rollback", nullptr);
  return answer(std::move(message), "Rollback");
}

host::Result<report::Answer> Bus::release() {
  BEDPLATE_TRY_LET(auto message, request("Release"));
  return answer(std::move(message), "Release");
}

host::Result<report::Answer> Bus::accept(const std::string& commit) {
  BEDPLATE_TRY_LET(auto message, request("Accept"));
  const int put = sd_bus_message_append(message.get(), "s", commit.c_str());
  if (put < 0) return failure(-put, "Accept", nullptr);
  return answer(std::move(message), "Accept");
}

host::Status Bus::suspend(const std::string& reason, std::int64_t untilUs) {
  BEDPLATE_TRY_LET(auto message, request("Suspend"));
  const int put = sd_bus_message_append(message.get(), "sx", reason.c_str(), untilUs);
  if (put < 0) return failure(-put, "Suspend", nullptr);
  BEDPLATE_TRY(send(std::move(message), "Suspend"));
  return {};
}

host::Status Bus::resume() {
  BEDPLATE_TRY_LET(auto message, request("Resume"));
  BEDPLATE_TRY(send(std::move(message), "Resume"));
  return {};
}

host::Status Bus::reload() {
  BEDPLATE_TRY_LET(auto message, request("Reload"));
  BEDPLATE_TRY(send(std::move(message), "Reload"));
  return {};
}

host::Result<std::string> Bus::status() {
  CallError error;
  char* text = nullptr;
  const int got = sd_bus_get_property_string(bus_.get(), names::service, names::path, names::interface, "Status",
                                             &error.error, &text);
  if (got < 0) return failure(-got, "Status", &error.error);
  std::string json(text);
  std::free(text);
  return json;
}

}  // namespace bedplate::cli
