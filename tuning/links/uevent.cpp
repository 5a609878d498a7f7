#include <algorithm>

#include "tuning/links/links.h"

namespace bedplate::links {
namespace {

// The kernel's UEVENT_BUFFER_SIZE, with the head.
constexpr std::size_t kLongest = 4096;

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

std::optional<Uevent> parseUevent(std::string_view message) {
  if (message.empty() || message.size() > kLongest) return std::nullopt;
  const auto next = [&message]() {
    const std::size_t end = std::min(message.find('\0'), message.size());
    const std::string_view part = message.substr(0, end);
    message.remove_prefix(std::min(end + 1, message.size()));
    return part;
  };
  const std::string_view head = next();
  const std::size_t at = head.find('@');
  // udev's own begin with "libudev".
  if (at == std::string_view::npos || at == 0 || head.substr(at + 1, 1) != "/" || !printable(head)) return std::nullopt;
  Uevent event;
  event.action = head.substr(0, at);
  event.path = head.substr(at + 1);
  while (!message.empty()) {
    const std::string_view line = next();
    constexpr std::string_view kSubsystem = "SUBSYSTEM=";
    if (line.substr(0, kSubsystem.size()) != kSubsystem) continue;
    const std::string_view value = line.substr(kSubsystem.size());
    if (!printable(value)) return std::nullopt;
    event.subsystem = value;
  }
  return event;
}

}  // namespace bedplate::links
