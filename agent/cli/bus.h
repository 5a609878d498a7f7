// The daemon over the system bus (agent/report/bus_names.h).
// Thread-safety: used from one thread.
#pragma once

#include <memory>
#include <string>

#include "agent/cli/context.h"
#include "agent/report/answer.h"
#include "tuning/host/result.h"

struct sd_bus;
struct sd_bus_message;

namespace bedplate::cli {

class Bus {
 public:
  // Null when no bus is to be asked, none is there, or nobody owns the daemon's name.
  static std::unique_ptr<Bus> daemon(const Context& context);

  // "Denied" when the caller may not, "BusFailed" when the daemon went away or does not know the method.
  host::Result<report::Answer> sync(bool allowPrune);
  host::Result<report::Answer> rollback(std::int64_t generation);
  host::Result<report::Answer> release();
  host::Result<report::Answer> accept(const std::string& commit);
  host::Status suspend(const std::string& reason, std::int64_t untilUs);
  host::Status resume();
  host::Status reload();
  host::Result<std::string> status();  // JSON

 private:
  struct Close {
    void operator()(sd_bus* bus) const;
  };
  struct Drop {
    void operator()(sd_bus_message* message) const;
  };
  using Message = std::unique_ptr<sd_bus_message, Drop>;
  explicit Bus(sd_bus* bus) : bus_(bus) {}
  host::Result<Message> request(const char* method);
  host::Result<Message> send(Message request, const char* method);
  host::Result<report::Answer> answer(Message request, const char* method);

  std::unique_ptr<sd_bus, Close> bus_;
};

}  // namespace bedplate::cli
