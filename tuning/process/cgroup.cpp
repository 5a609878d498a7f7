// From a cgroup path to the unit and the pod it stands for.
#include <algorithm>
#include <array>

#include "tuning/process/process.h"

namespace bedplate::process {
namespace {

constexpr std::size_t kLongestName = 255;
constexpr std::size_t kContainerId = 64;

bool endsWith(std::string_view text, std::string_view end) {
  return text.size() > end.size() && text.substr(text.size() - end.size()) == end;
}

bool isHex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

// A slice groups others and does nothing itself.
bool isUnit(std::string_view name) {
  constexpr std::array<std::string_view, 5> kTypes = {".service", ".scope", ".socket", ".mount", ".swap"};
  return std::any_of(kTypes.begin(), kTypes.end(), [&](std::string_view type) { return endsWith(name, type); });
}

// "pod<uid>" as cgroupfs has it, "kubepods-burstable-pod<uid>.slice" as systemd has it, the uid with '_' there. A
// static pod's uid is 32 hex digits without dashes.
std::string podOf(std::string_view name) {
  if (endsWith(name, ".slice") && name.substr(0, 8) == "kubepods") {
    name.remove_suffix(6);
    const std::size_t at = name.rfind("-pod");
    if (at == std::string_view::npos) return {};
    name = name.substr(at + 1);
  }
  if (name.substr(0, 3) != "pod") return {};
  std::string uid(name.substr(3));
  std::replace(uid.begin(), uid.end(), '_', '-');
  const bool plausible = (uid.size() == 32 || uid.size() == 36) &&
                         std::all_of(uid.begin(), uid.end(), [](char c) { return isHex(c) || c == '-'; });
  return plausible ? uid : std::string();
}

// "cri-containerd-<id>.scope", "docker-<id>.scope", "<id>".
std::string containerOf(std::string_view name) {
  if (endsWith(name, ".scope")) name.remove_suffix(6);
  if (const std::size_t dash = name.rfind('-'); dash != std::string_view::npos) name = name.substr(dash + 1);
  const bool plausible = name.size() == kContainerId && std::all_of(name.begin(), name.end(), isHex);
  return plausible ? std::string(name) : std::string();
}

void readPath(std::string_view path, Process& process) {
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    std::string_view name = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (name.empty() || name.size() > kLongestName || !printable(name)) continue;
    if (std::string pod = podOf(name); !pod.empty()) process.pod = std::move(pod);
    if (std::string id = containerOf(name); !id.empty()) process.container = std::move(id);
    // systemd puts '_' before a name that the kernel would take for one of its own.
    if (name.front() == '_') name.remove_prefix(1);
    if (isUnit(name)) process.unit = name;  // the innermost one
  }
  // The scope that a container runs in says less than its pod.
  if (!process.pod.empty() && !process.container.empty() && endsWith(process.unit, ".scope")) process.unit.clear();
}

}  // namespace

void placeOf(std::string_view cgroup, Process& process) {
  process.unit.clear();
  process.pod.clear();
  process.container.clear();
  std::string_view best;
  int rank = 0;
  while (!cgroup.empty()) {
    const std::size_t end = cgroup.find('\n');
    const std::string_view line = cgroup.substr(0, end);
    cgroup = end == std::string_view::npos ? std::string_view() : cgroup.substr(end + 1);
    // "ID:CONTROLLERS:PATH"; systemd's own hierarchy before the unified one (empty there in hybrid mode), then any.
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string_view path = line.substr(second + 1);
    const int now = path.size() <= 1 ? 0 : controllers == "name=systemd" ? 3 : controllers.empty() ? 2 : 1;
    if (now > rank) {
      rank = now;
      best = path;
    }
  }
  constexpr std::string_view kDeleted = " (deleted)";
  if (endsWith(best, kDeleted)) best.remove_suffix(kDeleted.size());
  readPath(best, process);
}

}  // namespace bedplate::process
