// Loading a module by systemd's modprobe@.service. The agent itself then needs no CAP_SYS_MODULE.
#include <systemd/sd-bus.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "tuning/host/paths.h"
#include "tuning/modules/modules.h"
#include "tuning/modules/name.h"

namespace bedplate::modules {
namespace {

constexpr const char* kManager = "org.freedesktop.systemd1";
constexpr const char* kManagerPath = "/org/freedesktop/systemd1";
constexpr const char* kManagerInterface = "org.freedesktop.systemd1.Manager";

struct CloseBus {
  // Not flushed: what has not been sent by the deadline need not be.
  void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }
};
struct UnrefSlot {
  void operator()(sd_bus_slot* slot) const { sd_bus_slot_unref(slot); }
};
using Bus = std::unique_ptr<sd_bus, CloseBus>;
using Slot = std::unique_ptr<sd_bus_slot, UnrefSlot>;
using Time = std::chrono::steady_clock;

// What has come back. The signal of the job's end may come before the answer that names the job.
struct Talk {
  bool matched = false;
  std::string job;
  std::vector<std::pair<std::string, std::string>> removed;  // job, result
  std::optional<host::Error> error;
};

host::Error unavailable(const std::string& name, const std::string& why) {
  return host::fail("Unavailable", name, why,
                    "load it by hand with modprobe, or name it in /etc/modules-load.d and reboot")
      .value();
}

// The bytes that a D-Bus address does not take as they are.
std::string addressOf(const std::string& path) {
  constexpr const char* kHex = "0123456789abcdef";
  std::string address = "unix:path=";
  for (const char c : path) {
    if (isNameCharacter(c) || c == '/' || c == '.') {
      address += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    address += '%';
    address += kHex[byte >> 4];
    address += kHex[byte & 15];
  }
  return address;
}

// The first error stands.
void remember(Talk& talk, sd_bus_message* message, const char* doing) {
  const sd_bus_error* error = sd_bus_message_get_error(message);
  if (error == nullptr || talk.error) return;
  const std::string_view kind = error->name;
  std::string why = std::string(doing) + ": " + (error->message != nullptr ? error->message : error->name);
  host::Error made;
  made.reason = "NotLoaded";
  if (kind == SD_BUS_ERROR_ACCESS_DENIED || kind == SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED)
    made.reason = "Denied";
  if (kind == SD_BUS_ERROR_SERVICE_UNKNOWN || kind == SD_BUS_ERROR_NAME_HAS_NO_OWNER) made.reason = "Unavailable";
  made.errnum = sd_bus_error_get_errno(error);
  made.why = std::move(why);
  talk.error = std::move(made);
}

// Nothing may be thrown through libsystemd's frames; running out of memory ends the program, as elsewhere.
int onMatched(sd_bus_message* message, void* data, sd_bus_error* /*error*/) noexcept {
  auto& talk = *static_cast<Talk*>(data);
  remember(talk, message, "the bus does not let us listen to systemd");
  talk.matched = true;
  return 0;
}

int onStarted(sd_bus_message* message, void* data, sd_bus_error* /*error*/) noexcept {
  auto& talk = *static_cast<Talk*>(data);
  remember(talk, message, "systemd does not start modprobe");
  const char* job = nullptr;
  if (!talk.error && sd_bus_message_read(message, "o", &job) >= 0) talk.job = job;
  return 0;
}

int onRemoved(sd_bus_message* message, void* data, sd_bus_error* /*error*/) noexcept {
  auto& talk = *static_cast<Talk*>(data);
  const char* job = nullptr;
  const char* unit = nullptr;
  const char* result = nullptr;
  std::uint32_t id = 0;
  // A signal of another shape is not the one we wait for; the number of those kept is bounded by the deadline.
  if (sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) >= 0 && talk.removed.size() < 10'000)
    talk.removed.emplace_back(job, result);
  return 0;
}

class Conversation {
 public:
  Conversation(std::string name, int timeoutMs)
      : name_(std::move(name)), deadline_(Time::now() + std::chrono::milliseconds(timeoutMs)) {}

  host::Status open(const std::string& socket) {
    sd_bus* raw = nullptr;
    int r = sd_bus_new(&raw);
    bus_.reset(raw);
    if (r >= 0) r = sd_bus_set_address(bus_.get(), addressOf(socket).c_str());
    if (r >= 0) r = sd_bus_set_bus_client(bus_.get(), 1);
    if (r >= 0) r = sd_bus_start(bus_.get());
    if (r < 0) return failed(r);
    return {};
  }

  // The result of the job ("done", "failed", ...), or "" when the time was over.
  host::Result<std::string> run() {
    sd_bus_slot* slot = nullptr;
    int r = sd_bus_match_signal_async(bus_.get(), &slot, kManager, kManagerPath, kManagerInterface, "JobRemoved",
                                      onRemoved, onMatched, &talk_);
    signal_.reset(slot);
    if (r < 0) return failed(r);
    BEDPLATE_TRY_LET(const bool listening, until([this] { return talk_.matched; }));
    if (!listening) return std::string();
    slot = nullptr;
    const std::string unit = "modprobe@" + name_ + ".service";
    r = sd_bus_call_method_async(bus_.get(), &slot, kManager, kManagerPath, kManagerInterface, "StartUnit", onStarted,
                                 &talk_, "ss", unit.c_str(), "replace");
    start_.reset(slot);
    if (r < 0) return failed(r);
    BEDPLATE_TRY(until([this] { return result() != nullptr; }));
    return result() != nullptr ? *result() : std::string();
  }

 private:
  const std::string* result() const {
    for (const auto& [job, result] : talk_.removed)
      if (!talk_.job.empty() && job == talk_.job) return &result;
    return nullptr;
  }

  // Whether `done` came true in time.
  template <class Done>
  host::Result<bool> until(Done done) {
    for (;;) {
      const int r = sd_bus_process(bus_.get(), nullptr);
      if (talk_.error) {
        talk_.error->thing = name_;
        talk_.error->todo = "run `modprobe " + name_ + "` as root to see why";
        return host::Failure(*talk_.error);
      }
      if (r < 0) return failed(r);
      if (done()) return true;
      if (r > 0) continue;
      const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline_ - Time::now()).count();
      if (left <= 0) return false;
      if (const int w = sd_bus_wait(bus_.get(), static_cast<std::uint64_t>(left)); w < 0 && w != -EINTR)
        return failed(w);
    }
  }

  host::Failure failed(int r) const {
    host::Error error = unavailable(name_, "");
    error.errnum = -r;
    error.why = host::failErrno(-r, name_, "cannot talk to the system bus").value().why;
    return host::Failure(std::move(error));
  }

  std::string name_;
  Time::time_point deadline_;
  Talk talk_;
  Bus bus_;
  // Declared after the bus: given up before it.
  Slot signal_;
  Slot start_;
};

}  // namespace

host::Status SystemdLoader::load(const std::string& name) {
  if (!isName(name)) return host::fail("Invalid", name, "is not the name of a module", "check the spelling");
  if (loaded(files_, name)) return {};
  // The socket below our own root: a tree of files must not make the machine load anything.
  if (!files_.info(host::paths::systemBus))
    return host::Failure(unavailable(name, "cannot ask systemd to load it, there is no system bus"));
  Conversation conversation(name, timeoutMs_);
  BEDPLATE_TRY(conversation.open(files_.shown(host::paths::systemBus)));
  const auto result = conversation.run();
  // Whatever was said: what the kernel has is what counts.
  if (loaded(files_, name)) return {};
  if (!result) return host::Failure(result.error());
  const std::string why = result->empty() ? "is not loaded, systemd has not answered in time"
                                          : "is not loaded, though systemd's job ended as \"" + *result + "\"";
  return host::fail("NotLoaded", name, why,
                    "run `modprobe " + name + "` as root to see why; the kernel's extra modules may not be installed");
}

}  // namespace bedplate::modules
