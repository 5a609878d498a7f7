#include "tuning/host/machine.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "tuning/host/paths.h"

namespace bedplate::host {
namespace {

constexpr std::size_t kMeminfoLimit = 64 << 10;
constexpr std::size_t kListLimit = 64 << 10;
constexpr std::size_t kStatLimit = 8 << 20;  // a line a CPU and one of all interrupts
constexpr int kMostCpus = 1 << 16;

std::string_view nextLine(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return line;
}

// The number at the front of `text`, which is cut off.
std::optional<std::uint64_t> number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

Result<std::uint64_t> memory(Files& files) {
  BEDPLATE_TRY_LET(const std::string text, files.read(paths::memInfo, kMeminfoLimit));
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = nextLine(rest);
    if (!line.starts_with("MemTotal:")) continue;
    line.remove_prefix(std::min(line.find_first_of("0123456789"), line.size()));
    const auto kib = number(line);
    if (kib && *kib > 0 && *kib <= std::numeric_limits<std::uint64_t>::max() / 1024 && line == " kB")
      return *kib * 1024;
  }
  return fail("Unknown", files.shown(paths::memInfo), "does not say how much memory there is",
              "give numbers instead of auto in node.yaml");
}

// "cpu0 ...", "cpu1 ...": only those that are online have a line.
int cpusOfStat(std::string_view text) {
  int count = 0;
  while (!text.empty()) {
    const std::string_view line = nextLine(text);
    if (line.size() > 3 && line.starts_with("cpu") && line[3] >= '0' && line[3] <= '9') ++count;
  }
  return count;
}

}  // namespace

int countCpus(std::string_view list) {
  while (!list.empty() && (list.back() == '\n' || list.back() == ' ')) list.remove_suffix(1);
  int count = 0;
  while (!list.empty()) {
    const auto first = number(list);
    auto last = first;
    if (list.starts_with('-')) {
      list.remove_prefix(1);
      last = number(list);
    }
    if (!first || !last || *last < *first || *last >= static_cast<std::uint64_t>(kMostCpus)) return 0;
    count += static_cast<int>(*last - *first) + 1;
    if (list.empty()) return count;
    if (count > kMostCpus || !list.starts_with(',') || list.size() == 1) return 0;
    list.remove_prefix(1);
  }
  return count;
}

Result<MachineSize> machineSize(Files& files) {
  MachineSize size;
  BEDPLATE_TRY_LET(size.memoryBytes, memory(files));
  if (const auto online = files.read(paths::cpusOnline, kListLimit)) size.cores = countCpus(*online);
  if (size.cores == 0)
    if (const auto stat = files.read(paths::procStat, kStatLimit)) size.cores = cpusOfStat(*stat);
  if (size.cores == 0)
    return fail("Unknown", files.shown(paths::cpusOnline), "does not say how many CPUs there are",
                "give numbers instead of auto in node.yaml");
  return size;
}

}  // namespace bedplate::host
