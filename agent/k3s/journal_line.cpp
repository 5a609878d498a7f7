#include "agent/k3s/journal_line.h"

#include <algorithm>
#include <array>

namespace bedplate::k3s {
namespace {

constexpr std::size_t kLongest = 400;
constexpr std::string_view kHidden = "********";

enum Rank { none, noise, error, unitEnded, partEnded, fatal };

struct Line {
  Rank rank = Rank::none;
  std::string text;
};

// What follows `mark` within double quotes, as Go's %q writes it.
std::string quotedAfter(std::string_view line, std::string_view mark) {
  const std::size_t found = line.find(mark);
  if (found == std::string_view::npos) return {};
  std::string text;
  for (std::size_t i = found + mark.size(); i < line.size() && line[i] != '"'; ++i) {
    if (line[i] != '\\' || i + 1 == line.size()) {
      text += line[i];
      continue;
    }
    const char escaped = line[++i];
    text += escaped == 'n' || escaped == 't' || escaped == 'r' ? ' ' : escaped;
  }
  return text;
}

// "E1129 12:57:04.123456    1234 file.go:12] text"; nothing for another line.
std::string klogText(std::string_view line) {
  if (line.size() < 6 || !std::all_of(line.begin() + 1, line.begin() + 5, [](char c) { return c >= '0' && c <= '9'; }))
    return {};
  const std::size_t end = line.find("] ");
  return end == std::string_view::npos ? std::string() : std::string(line.substr(end + 2));
}

Line ofLogrus(std::string_view line) {
  const std::size_t at = line.find(" level=");
  if (line.rfind("time=", 0) != 0 || at == std::string_view::npos) return {};
  const std::string_view rest = line.substr(at + 7);
  const std::string_view level = rest.substr(0, rest.find(' '));
  std::string text = quotedAfter(rest, " msg=\"");
  if (text.empty())  // a single word stands without quotes
    if (const std::size_t message = rest.find(" msg="); message != std::string_view::npos)
      text = std::string(rest.substr(message + 5, rest.find(' ', message + 5) - message - 5));
  if (level == "fatal" || level == "panic") return {Rank::fatal, text};
  if (level != "error") return {};
  if (text.rfind("Shutdown request received", 0) == 0) return {Rank::partEnded, text};
  return {Rank::error, text};
}

Line judge(std::string_view line) {
  if (Line found = ofLogrus(line); found.rank != Rank::none) return found;
  for (const std::string_view start : {"panic: ", "fatal error: ", "FATA["})
    if (line.substr(0, start.size()) == start) return {Rank::fatal, std::string(line)};
  // Of a part of K3s, which is named when it then ends.
  if (line.rfind("Error: ", 0) == 0) return {Rank::partEnded, std::string(line)};
  if (line.starts_with('F'))
    if (std::string text = klogText(line); !text.empty()) return {Rank::partEnded, std::move(text)};
  for (const std::string_view part : {": Failed to execute", ": Failed at step", ": Main process exited"})
    if (line.find(part) != std::string_view::npos) return {Rank::unitEnded, std::string(line)};
  if (line.starts_with('E'))
    if (std::string text = klogText(line); !text.empty()) return {Rank::noise, std::move(text)};
  return {};
}

bool isBreak(char c) { return c == ' ' || c == '"' || c == '\'' || c == ',' || c == '='; }

}  // namespace

std::string withoutSecrets(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    if (isBreak(text.front())) {
      clean += text.front();
      text.remove_prefix(1);
      continue;
    }
    const auto end = std::find_if(text.begin(), text.end(), isBreak);
    const std::string_view word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(word.size());
    const std::size_t at = word.rfind('@');
    const std::size_t scheme = word.find("://");
    const std::size_t user = scheme == std::string_view::npos ? 0 : scheme + 3;
    if (word.rfind("K10", 0) == 0 || word.find("::server:") != std::string_view::npos ||
        word.find("::node:") != std::string_view::npos) {
      clean += kHidden;
    } else if (at != std::string_view::npos && at > user &&
               word.substr(user, at - user).find(':') != std::string_view::npos) {
      clean.append(word.substr(0, user)).append(kHidden).append(word.substr(at));
    } else {
      clean += word;
    }
  }
  return clean;
}

std::string lineThatMatters(const std::vector<std::string>& lines) {
  Line best;
  for (const auto& line : lines)
    if (Line found = judge(line); found.rank != Rank::none && found.rank >= best.rank && !found.text.empty())
      best = std::move(found);
  std::string text = withoutSecrets(best.text);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.pop_back();
  if (text.size() > kLongest) text.resize(kLongest);
  return text;
}

}  // namespace bedplate::k3s
