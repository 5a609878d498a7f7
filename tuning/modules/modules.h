// Kernel modules: the modules-load.d format, what is loaded, and asking systemd to load.
// Thread-safety: free functions and plain values; a Loader is used from one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tuning/host/files.h"

namespace bedplate::modules {

struct Entry {
  std::string name;  // with underscores, as /sys/module spells it
  std::string file;
  int line = 0;
  bool operator==(const Entry&) const = default;
};

struct Problem {
  int line = 0;
  int column = 0;
  std::string message;
};

struct Parsed {
  std::vector<Entry> entries;
  std::vector<Problem> problems;
};

// One modules-load.d file: a module name a line, '#' and ';' comments. Names outside [A-Za-z0-9_-] or over 64 bytes
// are problems.
Parsed parse(std::string_view text, const std::string& file);

// Whether the kernel has the module: /sys/module/NAME exists (also for built-in ones that have parameters), or the
// running kernel's modules.builtin names it.
bool loaded(host::Files& files, const std::string& name);

// Asks for a module.
class Loader {
 public:
  Loader() = default;
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;
  virtual ~Loader() = default;
  // Returns when the module is there. "NotLoaded" when it is not: the request alone proves nothing
  // (modprobe@.service succeeds on failure).
  virtual host::Status load(const std::string& name) = 0;
};

// Starts modprobe@NAME.service over the system bus and waits up to `timeoutMs` for its job, then looks at /sys/module.
// "Unavailable" when there is no bus (a tree under --root, a container without systemd), "Denied" when systemd does not
// let us, "Invalid" for what is no name. The bus is the one below the root of `files`. A loaded module costs no bus.
class SystemdLoader final : public Loader {
 public:
  explicit SystemdLoader(host::Files& files, int timeoutMs = 10000) : files_(files), timeoutMs_(timeoutMs) {}
  host::Status load(const std::string& name) override;

 private:
  host::Files& files_;
  int timeoutMs_;
};

}  // namespace bedplate::modules
