#include "agent/report/k3s_start.h"

#include <unistd.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "tuning/host/paths.h"

namespace bedplate::report {
namespace {

constexpr std::size_t kProcFileLimit = 1 << 20;
constexpr std::size_t kGenerationsLooked = 20;

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  for (std::size_t at = text.find_first_not_of(" \n"); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(" \n", at), text.size());
    found.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(" \n", end);
  }
  return found;
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Seconds since the epoch at which the kernel was started (btime of proc/stat).
std::optional<std::int64_t> bootSeconds(host::Files& files) {
  const auto stat = files.read(host::paths::procStat, kProcFileLimit);
  if (!stat) return std::nullopt;
  const std::size_t at = stat->find("\nbtime ");
  if (at == std::string::npos) return std::nullopt;
  const auto rest = words(std::string_view(*stat).substr(at + 7, 24));
  return rest.empty() ? std::nullopt : number(rest.front());
}

// Clock ticks after boot at which the process began, if it is K3s itself (field 22 of proc/PID/stat).
std::optional<std::int64_t> k3sStartTicks(host::Files& files, std::string_view pid) {
  if (!number(pid)) return std::nullopt;
  const auto stat = files.read("proc/" + std::string(pid) + "/stat", kProcFileLimit);
  if (!stat) return std::nullopt;
  // The name stands in parentheses and may hold anything.
  const std::size_t open = stat->find('('), close = stat->rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return std::nullopt;
  if (stat->compare(open + 1, 3, "k3s") != 0) return std::nullopt;
  const auto fields = words(std::string_view(*stat).substr(close + 1));
  constexpr std::size_t kStart = 19;  // field 22, counted from field 3
  return fields.size() > kStart ? number(fields[kStart]) : std::nullopt;
}

std::optional<std::int64_t> k3sStartedUs(host::Files& files, const std::string& role) {
  const char* group = role == "agent" ? host::paths::k3sAgentProcesses : host::paths::k3sServerProcesses;
  const auto list = files.read(group, kProcFileLimit);
  const auto boot = bootSeconds(files);
  const long perSecond = ::sysconf(_SC_CLK_TCK);
  if (!list || !boot || perSecond <= 0) return std::nullopt;
  std::optional<std::int64_t> first;
  for (const auto pid : words(*list)) {
    const auto ticks = k3sStartTicks(files, pid);
    if (ticks && (!first || *ticks < *first)) first = ticks;
  }
  if (!first) return std::nullopt;
  return *boot * 1'000'000 + *first * 1'000'000 / perSecond;
}

bool changedConfig(const apply::Generation& generation) {
  const std::string folder = std::string(host::paths::k3sConfigDir) + "/";
  for (const auto& outcome : generation.outcomes)
    if (!outcome.error && outcome.change.subject.starts_with(folder)) return true;
  return false;
}

}  // namespace

bool k3sRestartNeeded(host::Files& files, apply::Store& store, const std::string& role) {
  const auto started = k3sStartedUs(files, role);
  if (!started) return false;
  const auto history = store.history(kGenerationsLooked);
  if (!history) return false;
  for (const auto& one : *history) {
    if (one.finishedUs <= *started) break;
    const auto generation = store.generation(one.number);
    if (generation && *generation && changedConfig(**generation)) return true;
  }
  return false;
}

}  // namespace bedplate::report
