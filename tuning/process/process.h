// Who a process is, from proc/PID below the root: its command, its systemd unit, its pod.
//
// A process may be gone by the time it is looked at, and its number another's. What is told is of one process or is not
// told: `identify` says "NotFound" rather than guess. Command lines hold secrets and are not kept: of an interpreter
// the name of its script, of all others nothing but the command.
// Formats: proc(5), cgroups(7), systemd's unit names, the kubelet's cgroup names (both of its drivers).
// Thread-safety: plain values and free functions.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "tuning/host/files.h"

namespace bedplate::process {

struct Process {
  pid_t pid = 0;
  std::string command;    // comm, or "python3 agent.py" of an interpreter; printable ASCII
  std::string unit;       // "ssh.service", "session-3.scope"; "" when it is in none
  std::string pod;        // uid of a pod, with dashes; "" when it is in none
  std::string container;  // id of its container, 64 hex digits; "" when it is in none
  bool operator==(const Process&) const = default;
};

// "pid 1234 sysctl (ssh.service)", "pid 77 agent (pod 0a1b..., container 4f2e0c9a81d3)".
std::string text(const Process& process);
// What is said where nobody can tell.
inline constexpr const char* kUnknown = "unknown";

// The process with this number. `same` says, after all was read, whether the number still is of the one that is meant
// (a pidfd knows); without it the start time must be the same before and after. "NotFound" where it is gone.
host::Result<Process> identify(host::Files& files, pid_t pid, const std::function<bool()>& same = {});

// Whether the process behind a pidfd has not been waited for yet: as long its number is nobody else's.
bool isThere(int pidfd);

// --- parsers of foreign text; public for their tests

// Field 22 of proc/PID/stat, in clock ticks since boot. The command in it may hold anything, also ")".
std::optional<std::uint64_t> startTime(std::string_view stat);
// Unit, pod and container from proc/PID/cgroup.
void placeOf(std::string_view cgroup, Process& process);
// What is shown of a command, from comm and cmdline (its arguments end with NUL each).
std::string commandOf(std::string_view comm, std::string_view commandLine);

}  // namespace bedplate::process
