// The agent's object on the system bus (agent/report/bus_names.h): methods become commands, answers come when they are
// there. Everyone may read; only root acts, whatever the policy of the bus says (and, where the agent itself runs as
// another user on a tree, that user).
// Thread-safety: used from the thread that runs the loop.
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agent/daemon/engine_thread.h"

namespace bedplate::daemon {

struct BusHandlers {
  std::function<Ticket(Command)> command;  // its answer comes later, by answer()
  std::function<std::string()> status;     // the JSON for the property
  std::function<void()> ready;             // the name is ours
  // The connection, or the name, is not to be had; the object is of no use any more and may be destroyed, but not
  // from inside this call.
  std::function<void(const host::Error&)> lost;
};

class Bus {
 public:
  // Connects without waiting. "Unavailable" when there is no bus.
  static host::Result<std::unique_ptr<Bus>> open(sd_event* event, BusHandlers handlers);
  ~Bus();
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  // Answers the caller behind the ticket, if it is one of this connection's.
  void answer(Ticket ticket, const Done& done);
  // Emits Changed.
  void changed();

 private:
  struct UnrefBus {
    void operator()(sd_bus* bus) const { ::sd_bus_close_unref(bus); }
  };
  struct UnrefSlot {
    void operator()(sd_bus_slot* slot) const { ::sd_bus_slot_unref(slot); }
  };
  struct UnrefMessage {
    void operator()(sd_bus_message* message) const { ::sd_bus_message_unref(message); }
  };
  using MessagePtr = std::unique_ptr<sd_bus_message, UnrefMessage>;
  using SlotPtr = std::unique_ptr<sd_bus_slot, UnrefSlot>;

  explicit Bus(BusHandlers handlers) : handlers_(std::move(handlers)) {}
  int attach(sd_event* event);
  int ask(sd_bus_message* message, Command command);
  static int reply(sd_bus_message* message, const Done& done);
  static int mayAct(sd_bus_message* message, sd_bus_error* error);
  static int onMethod(sd_bus_message* message, void* self, sd_bus_error* error);
  static int onStatus(sd_bus* bus, const char* path, const char* interface, const char* property, sd_bus_message* reply,
                      void* self, sd_bus_error* error);
  static int onName(sd_bus_message* message, void* self, sd_bus_error* error);
  static int onDisconnected(sd_bus_message* message, void* self, sd_bus_error* error);
  static const sd_bus_vtable kVtable[];

  BusHandlers handlers_;
  std::unique_ptr<sd_bus, UnrefBus> bus_;
  SlotPtr object_, name_, disconnected_;
  std::map<Ticket, MessagePtr> waiting_;
};

}  // namespace bedplate::daemon
