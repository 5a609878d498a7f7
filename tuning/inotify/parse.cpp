#include "tuning/inotify/parse.h"

#include <algorithm>
#include <charconv>

namespace bedplate::inotify {
namespace {

constexpr std::string_view kLine = "inotify wd:";
constexpr std::size_t kNever = kLine.size() + 1;
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
