#include "tuning/process/process.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "tuning/host/paths.h"

namespace bedplate::process {
namespace {

constexpr std::size_t kMaxStat = 4096;
constexpr std::size_t kMaxCgroup = 16384;
constexpr std::size_t kMaxCommandLine = 128 * 1024;  // read as a whole or not at all
constexpr std::size_t kLongestCommand = 64;
constexpr std::size_t kShownContainer = 12;

std::string printable(std::string_view text) {
  std::string shown(text.substr(0, kLongestCommand));
  for (char& c : shown)
    if (c < ' ' || c > '~') c = '?';
  return shown;
}

std::string_view baseName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool interpreter(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {"python", "perl", "ruby", "sh",
                                                      "bash",   "dash", "node", "busybox"};
  while (!name.empty() && ((name.back() >= '0' && name.back() <= '9') || name.back() == '.')) name.remove_suffix(1);
  for (const auto known : kNames)
    if (name == known) return true;
  return false;
}

host::Failure gone(pid_t pid) {
  return host::fail("NotFound", "process " + std::to_string(pid), "is gone", "nothing can be told of it");
}

}  // namespace

std::string commandOf(std::string_view comm, std::string_view commandLine) {
  while (!comm.empty() && comm.back() == '\n') comm.remove_suffix(1);
  const std::size_t first = commandLine.find('\0');
  if (first == std::string_view::npos || !interpreter(baseName(commandLine.substr(0, first)))) return printable(comm);
  const std::string_view rest = commandLine.substr(first + 1);
  const std::string_view script = baseName(rest.substr(0, rest.find('\0')));
  // An option may be followed by a program text, and that may hold anything.
  const bool name = !script.empty() && script.front() != '-' && script.find_first_of(" =\n") == std::string_view::npos;
  return printable(comm) + (name && rest.front() != '-' ? " " + printable(script) : "");
}

std::optional<std::uint64_t> startTime(std::string_view stat) {
  const std::size_t close = stat.rfind(')');
  if (close == std::string_view::npos) return std::nullopt;
  std::string_view rest = stat.substr(close + 1);
  // " S ppid ...": the start time is the 20th field after the command.
  for (int field = 0; field < 20; ++field) {
    const std::size_t blank = rest.find(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(blank + 1);
  }
  std::uint64_t ticks = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), ticks);
  if (error != std::errc() || end == rest.data()) return std::nullopt;
  if (end != rest.data() + rest.size() && *end != ' ') return std::nullopt;
  return ticks;
}

bool isThere(int pidfd) {
#ifdef SYS_pidfd_send_signal
  return ::syscall(SYS_pidfd_send_signal, pidfd, 0, nullptr, 0) == 0 || errno == EPERM;
#else
  static_cast<void>(pidfd);
  return false;
#endif
}

host::Result<Process> identify(host::Files& files, pid_t pid, const std::function<bool()>& same) {
  if (pid <= 0) return gone(pid);
  const std::string folder = host::joinPath(host::paths::proc, std::to_string(pid));
  const auto started = [&]() -> std::optional<std::uint64_t> {
    const auto stat = files.read(folder + "/stat", kMaxStat);
    return stat ? startTime(*stat) : std::nullopt;
  };
  // The command first: it is what the quickest to go leave least time for.
  const auto comm = files.read(folder + "/comm", kMaxStat);
  const auto before = same ? std::nullopt : started();
  const auto cgroup = files.read(folder + "/cgroup", kMaxCgroup);
  const auto line = files.read(folder + "/cmdline", kMaxCommandLine);
  if (!comm || !cgroup) return gone(pid);
  if (same ? !same() : (!before || before != started())) return gone(pid);
  Process process;
  process.pid = pid;
  process.command = commandOf(*comm, line ? std::string_view(*line) : std::string_view());
  placeOf(*cgroup, process);
  return process;
}

std::string text(const Process& process) {
  std::string shown = "pid " + std::to_string(process.pid) + " " + process.command;
  if (!process.pod.empty()) {
    shown += " (pod " + process.pod;
    if (!process.container.empty()) shown += ", container " + process.container.substr(0, kShownContainer);
    return shown + ")";
  }
  if (!process.unit.empty()) return shown + " (" + process.unit + ")";
  if (!process.container.empty()) return shown + " (container " + process.container.substr(0, kShownContainer) + ")";
  return shown;
}

}  // namespace bedplate::process
