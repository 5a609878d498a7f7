#include "agent/k3s/lines.h"

namespace bedplate::k3s {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// Takes the next line off `text`.
std::string_view nextLine(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

// The scalar that begins `text`, which stands behind "key:".
std::string scalar(std::string_view text) {
  text = trim(text);
  if (!text.empty() && (text[0] == '"' || text[0] == '\'')) {
    const auto end = text.find(text[0], 1);
    return std::string(end == std::string_view::npos ? std::string_view() : text.substr(1, end - 1));
  }
  if (!text.empty() && text[0] == '#') return {};
  const auto comment = text.find(" #");
  return std::string(trim(text.substr(0, comment)));
}

// Removes `key` from the beginning of a line, bare or in quotes.
bool removeKey(std::string_view& line, std::string_view key) {
  for (const std::string_view quote : {"", "\"", "'"}) {
    const auto whole = quote.size() * 2 + key.size();
    if (line.size() < whole || line.substr(0, quote.size()) != quote) continue;
    if (line.substr(quote.size(), key.size()) != key) continue;
    if (line.substr(quote.size() + key.size(), quote.size()) != quote) continue;
    auto rest = line.substr(whole);
    const auto colon = rest.find_first_not_of(" \t");
    if (colon == std::string_view::npos || rest[colon] != ':') continue;
    rest.remove_prefix(colon + 1);
    if (!rest.empty() && kBlank.find(rest[0]) == std::string_view::npos) continue;  // "node-name:x" is one scalar
    line = rest;
    return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> topLevelValue(std::string_view yaml, std::string_view key) {
  std::optional<std::string> value;
  while (!yaml.empty()) {
    auto line = nextLine(yaml);
    if (removeKey(line, key)) value = scalar(line);
  }
  return value;
}

std::vector<std::string> commandWords(std::string_view unit) {
  std::string command;
  bool continued = false;
  while (!unit.empty()) {
    auto line = trim(nextLine(unit));
    if (!continued) {
      constexpr std::string_view kStart = "ExecStart=";
      if (line.substr(0, kStart.size()) != kStart) continue;
      line.remove_prefix(kStart.size());
      command.clear();  // an empty ExecStart= begins anew
    } else if (!line.empty() && (line[0] == '#' || line[0] == ';')) {
      continue;
    }
    continued = !line.empty() && line.back() == '\\';
    if (continued) line.remove_suffix(1);
    command += std::string(line) + " ";
  }
  std::vector<std::string> words;
  std::string word;
  bool open = false;
  char quote = 0;
  for (const char c : command) {
    if (quote != 0 ? c == quote : (c == '"' || c == '\'')) {
      quote = quote != 0 ? '\0' : c;
      open = true;
    } else if (quote == 0 && kBlank.find(c) != std::string_view::npos) {
      if (open) words.push_back(std::move(word));
      word.clear();
      open = false;
    } else {
      word += c;
      open = true;
    }
  }
  if (!words.empty()) words.erase(words.begin());
  return words;
}

std::optional<std::string> optionValue(const std::vector<std::string>& words, std::string_view option) {
  std::optional<std::string> value;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == option && i + 1 < words.size()) value = words[i + 1];
    if (word.size() > option.size() && word.substr(0, option.size()) == option && word[option.size()] == '=')
      value = std::string(word.substr(option.size() + 1));
  }
  return value;
}

std::string firstLine(std::string_view text) {
  while (!text.empty()) {
    const auto line = trim(nextLine(text));
    if (!line.empty() && line[0] != '#') return std::string(line);
  }
  return {};
}

}  // namespace bedplate::k3s
