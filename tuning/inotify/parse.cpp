#include "tuning/inotify/parse.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace bedplate::inotify {
namespace {

constexpr std::string_view kLine = "inotify wd:";
constexpr std::size_t kNever = kLine.size() + 1;
constexpr std::size_t kMostName = 128;

std::string printable(std::string_view text) {
  std::string out(text.substr(0, kMostName));
  std::replace_if(out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

bool hexOrDash(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '-' || c == '_';
}

// "kubepods-burstable-pod3f2a91c0_....slice" (systemd) and "pod3f2a91c0-..." (cgroupfs): the id of the pod.
std::string podOf(std::string_view part) {
  if (part.ends_with(".slice")) part.remove_suffix(6);
  const std::size_t at = part.starts_with("pod") ? 0 : part.find("-pod");
  if (at == std::string_view::npos) return {};
  std::string id(part.substr(at + (at == 0 && part.starts_with("pod") ? 3 : 4)));
  // A pod's id is a UUID; static pods have a hash of 32 digits.
  if (id.size() < 32 || id.size() > 36 || !std::all_of(id.begin(), id.end(), hexOrDash)) return {};
  std::replace(id.begin(), id.end(), '_', '-');
  return "pod " + id;
}

bool isUnit(std::string_view part) { return part.ends_with(".service") || part.ends_with(".scope"); }

// The path of the unified hierarchy ("0::/..."), or of systemd's own in the old layout ("1:name=systemd:/...").
std::string_view pathOf(std::string_view cgroup) {
  std::string_view found;
  while (!cgroup.empty()) {
    const std::string_view line = cgroup.substr(0, cgroup.find('\n'));
    cgroup.remove_prefix(std::min(line.size() + 1, cgroup.size()));
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string_view path = line.substr(second + 1);
    if (controllers == "name=systemd") return path;
    if (controllers.empty()) found = path;
  }
  return found;
}

}  // namespace

void WatchCount::take(std::string_view piece) {
  while (!piece.empty()) {
    if (matched_ == kNever) {
      const std::size_t end = piece.find('\n');
      if (end == std::string_view::npos) return;
      piece.remove_prefix(end + 1);
      matched_ = 0;
      continue;
    }
    const char c = piece.front();
    piece.remove_prefix(1);
    if (c == kLine[matched_]) {
      if (++matched_ < kLine.size()) continue;
      ++watches_;
      matched_ = kNever;
    } else {
      matched_ = c == '\n' ? 0 : kNever;
    }
  }
}

std::optional<int> parseNumber(std::string_view name) {
  int value = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
  if (error != std::errc() || end != name.data() + name.size() || name.front() == '-') return std::nullopt;
  return value;
}

std::string unitOf(std::string_view cgroup) {
  std::string unit;
  std::string_view path = pathOf(cgroup);
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(part.size() + 1, path.size()));
    if (auto pod = podOf(part); !pod.empty()) return pod;
    if (isUnit(part)) unit = printable(part);
  }
  return unit;
}

std::optional<FileNumbers> parseFileNumbers(std::string_view text) {
  std::int64_t numbers[3] = {};
  for (auto& number : numbers) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty() && text.front() != ' ' && text.front() != '\t' && text.front() != '\n') return std::nullopt;
  }
  if (!text.empty() && text != "\n") return std::nullopt;
  return FileNumbers{numbers[0], numbers[2]};
}

}  // namespace bedplate::inotify
