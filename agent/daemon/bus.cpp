#include "agent/daemon/bus.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "agent/report/bus_names.h"
#include "agent/report/text.h"

namespace bedplate::daemon {
namespace {

namespace names = report::bus;

// The bus itself is asked who a caller is; a bus that hangs must not hang us for long.
constexpr std::uint64_t kCallTimeoutUs = 3'000'000;
// Callers that wait for an answer at the same time.
constexpr std::size_t kMostWaiting = 256;

host::Failure unavailable(int errnum, const char* doing) {
  auto failure = host::failErrno(errnum, "the system bus", doing, "it is tried again; bedplate status works without");
  failure.value().reason = "Unavailable";
  return failure;
}

// Line by line: clean() makes a newline a blank.
std::string utf8(const std::string& text) {
  std::string cleaned;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    cleaned += report::clean(std::string_view(text).substr(begin, end - begin));
    if (end < text.size()) cleaned += '\n';
    begin = end + 1;
  }
  return cleaned;
}

// The command in a method call's arguments.
int commandOf(sd_bus_message* message, Command& command) {
  const std::string_view member = ::sd_bus_message_get_member(message);
  const char* text = "";
  int flag = 0;
  int result = 0;
  if (member == "Sync") {
    command.act = Act::sync;
    result = ::sd_bus_message_read(message, "b", &flag);
    command.allowPrune = flag != 0;
    command.byHand = true;
  } else if (member == "Rollback") {
    command.act = Act::rollback;
    result = ::sd_bus_message_read(message, "x", &command.number);
  } else if (member == "Release") {
    command.act = Act::release;
  } else if (member == "Accept") {
    command.act = Act::accept;
    result = ::sd_bus_message_read(message, "s", &text);
  } else if (member == "Suspend") {
    command.act = Act::suspend;
    result = ::sd_bus_message_read(message, "sx", &text, &command.number);
  } else if (member == "Resume") {
    command.act = Act::resume;
  } else {
    command.act = Act::reload;
  }
  command.text = text;
  return result;
}

}  // namespace

#pragma GCC diagnostic push
// The macros of sd-bus are C, with designated initialisers out of order and conversions.
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
const sd_bus_vtable Bus::kVtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_NAMES("Sync", "b", SD_BUS_PARAM(allowPrune), "is", SD_BUS_PARAM(exitStatus) SD_BUS_PARAM(text),
                             &Bus::onMethod, 0),
    SD_BUS_METHOD_WITH_NAMES("Rollback", "x", SD_BUS_PARAM(generation), "is",
                             SD_BUS_PARAM(exitStatus) SD_BUS_PARAM(text), &Bus::onMethod, 0),
    SD_BUS_METHOD_WITH_NAMES("Release", nullptr, , "is", SD_BUS_PARAM(exitStatus) SD_BUS_PARAM(text), &Bus::onMethod,
                             0),
    SD_BUS_METHOD_WITH_NAMES("Accept", "s", SD_BUS_PARAM(commit), "is", SD_BUS_PARAM(exitStatus) SD_BUS_PARAM(text),
                             &Bus::onMethod, 0),
    SD_BUS_METHOD_WITH_NAMES("Suspend", "sx", SD_BUS_PARAM(reason) SD_BUS_PARAM(untilUs), nullptr, , &Bus::onMethod, 0),
    SD_BUS_METHOD("Resume", nullptr, nullptr, &Bus::onMethod, 0),
    SD_BUS_METHOD("Reload", nullptr, nullptr, &Bus::onMethod, 0),
    SD_BUS_PROPERTY("Status", "s", &Bus::onStatus, 0, 0),
    SD_BUS_SIGNAL("Changed", nullptr, 0),
    SD_BUS_VTABLE_END,
};
#pragma GCC diagnostic pop

host::Result<std::unique_ptr<Bus>> Bus::open(sd_event* event, BusHandlers handlers) {
  // Not make_unique: the constructor is private.
  std::unique_ptr<Bus> bus(new Bus(std::move(handlers)));
  sd_bus* raw = nullptr;
  if (const int result = ::sd_bus_open_system(&raw); result < 0) return unavailable(-result, "cannot connect");
  bus->bus_.reset(raw);
  if (const int result = bus->attach(event); result < 0) return unavailable(-result, "cannot offer the object");
  return bus;
}

Bus::~Bus() = default;

int Bus::attach(sd_event* event) {
  sd_bus_slot* slot = nullptr;
  ::sd_bus_set_method_call_timeout(bus_.get(), kCallTimeoutUs);
  int result = ::sd_bus_add_object_vtable(bus_.get(), &slot, names::path, names::interface, kVtable, this);
  if (result < 0) return result;
  object_.reset(slot);
  result =
      ::sd_bus_match_signal_async(bus_.get(), &slot, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                  "org.freedesktop.DBus.Local", "Disconnected", &Bus::onDisconnected, nullptr, this);
  if (result < 0) return result;
  disconnected_.reset(slot);
  result = ::sd_bus_request_name_async(bus_.get(), &slot, names::service, 0, &Bus::onName, this);
  if (result < 0) return result;
  name_.reset(slot);
  return ::sd_bus_attach_event(bus_.get(), event, SD_EVENT_PRIORITY_NORMAL);
}

int Bus::onName(sd_bus_message* message, void* self, sd_bus_error*) {
  auto* bus = static_cast<Bus*>(self);
  std::uint32_t outcome = 0;
  constexpr std::uint32_t kPrimaryOwner = 1;
  if (::sd_bus_message_is_method_error(message, nullptr) > 0) {
    const sd_bus_error* error = ::sd_bus_message_get_error(message);
    const std::string why = error != nullptr && error->message != nullptr ? error->message : "no reason given";
    bus->handlers_.lost({"Unavailable", 0, names::service, "the bus refuses the name: " + why,
                         "is the bus policy of the package installed?"});
    return 0;
  }
  if (::sd_bus_message_read(message, "u", &outcome) >= 0 && outcome == kPrimaryOwner)
    bus->handlers_.ready();
  else
    bus->handlers_.lost({"Unavailable", 0, names::service, "another process has the name", "stop the other bedplated"});
  return 0;
}

int Bus::onDisconnected(sd_bus_message*, void* self, sd_bus_error*) {
  static_cast<Bus*>(self)->handlers_.lost({"Unavailable", 0, "the system bus", "the connection ended", ""});
  return 0;
}

int Bus::onStatus(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void* self, sd_bus_error*) {
  // JSON in ASCII.
  return ::sd_bus_message_append(reply, "s", static_cast<Bus*>(self)->handlers_.status().c_str());
}

int Bus::mayAct(sd_bus_message* message, sd_bus_error* error) {
  sd_bus_creds* raw = nullptr;
  uid_t uid = 0;
  int result = ::sd_bus_query_sender_creds(message, SD_BUS_CREDS_EUID, &raw);
  if (result >= 0) {
    result = ::sd_bus_creds_get_euid(raw, &uid);
    ::sd_bus_creds_unref(raw);
  }
  if (result >= 0 && (uid == 0 || uid == ::geteuid())) return 0;
  return ::sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "only root may do this");
}

int Bus::onMethod(sd_bus_message* message, void* self, sd_bus_error* error) {
  if (const int refused = mayAct(message, error); refused < 0) return refused;
  Command command;
  if (const int result = commandOf(message, command); result < 0) return result;
  return static_cast<Bus*>(self)->ask(message, std::move(command));
}

int Bus::ask(sd_bus_message* message, Command command) {
  if (waiting_.size() >= kMostWaiting)
    return ::sd_bus_reply_method_errorf(message, SD_BUS_ERROR_LIMITS_EXCEEDED, "too many callers wait already");
  waiting_.emplace(handlers_.command(std::move(command)), ::sd_bus_message_ref(message));
  return 1;
}

void Bus::answer(Ticket ticket, const Done& done) {
  const auto waiting = waiting_.find(ticket);
  if (waiting == waiting_.end()) return;
  const MessagePtr message = std::move(waiting->second);
  waiting_.erase(waiting);
  int sent = reply(message.get(), done);
  if (sent >= 0) return;
  // A caller that hears nothing waits for half an hour.
  sent = ::sd_bus_reply_method_errorf(message.get(), SD_BUS_ERROR_FAILED, "it was done, its answer cannot be sent: %s",
                                      std::strerror(-sent));
  if (sent >= 0) return;
  // The end of the connection is an answer too: the bus tells all who wait.
  handlers_.lost(unavailable(-sent, "cannot answer a caller").value());
  ::sd_bus_close(bus_.get());
}

int Bus::reply(sd_bus_message* message, const Done& done) {
  const bool plain = done.act == Act::suspend || done.act == Act::resume || done.act == Act::reload;
  // The bus takes no text that is not UTF-8, and a path or a commit may be anything.
  if (!plain)
    return ::sd_bus_reply_method_return(message, "is", done.answer.exitStatus, utf8(done.answer.text).c_str());
  if (!done.error) return ::sd_bus_reply_method_return(message, nullptr);
  const std::string name = std::string(names::interface) + ".Error." + done.error->reason;
  return ::sd_bus_reply_method_errorf(message, name.c_str(), "%s", utf8(done.error->text()).c_str());
}

void Bus::changed() { ::sd_bus_emit_signal(bus_.get(), names::path, names::interface, "Changed", nullptr); }

}  // namespace bedplate::daemon
