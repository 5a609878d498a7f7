#include "agent/config/parse.h"

#include <ini.h>

#include <algorithm>
#include <cstring>

#include "agent/config/nearest.h"

namespace bedplate::config {
namespace {

constexpr std::size_t kMostProblems = 100;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string listed(const std::vector<std::string_view>& names) {
  std::string all;
  for (const auto name : names) all += (all.empty() ? "" : ", ") + std::string(name);
  return all;
}

std::string unknownName(const char* what, std::string_view name, const std::vector<std::string_view>& valid) {
  std::string message = std::string(what) + " '" + std::string(name.substr(0, 64)) + "' is not known";
  const std::string meant = nearest(name, valid);
  return message + (meant.empty() ? "; allowed are " + listed(valid) : "; did you mean '" + meant + "'?");
}

// inih takes lines from next() and gives keys to key(). Lines are counted here, because a packaged inih tells no
// numbers; and what inih takes silently (a section without a key, the rest of a long line) is looked at here.
class File {
 public:
  File(std::string_view text, const std::string& file, Config& config, std::vector<Problem>& problems, Origins& origins)
      : rest_(text), file_(file), config_(config), problems_(problems), origins_(origins) {}

  void run() {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
    const int result = ini_parse_stream(&File::reader, this, &File::handler, this);
    closeLine();
    if (result == -2) problem("out of memory");
  }

 private:
  static char* reader(char* buffer, int size, void* self) {
    return static_cast<File*>(self)->next(buffer, static_cast<std::size_t>(size));
  }
  static int handler(void* self, const char* section, const char* name, const char* value) {
    static_cast<File*>(self)->key(section, name, value == nullptr ? "" : value);
    return 1;
  }

  void problem(const std::string& message) {
    if (problems_.size() < kMostProblems) problems_.push_back({file_, line_, message});
  }

  // The next line as fgets would give it; one that cannot be taken is reported and given as an empty one.
  char* next(char* buffer, std::size_t size) {
    closeLine();
    if (rest_.empty()) return nullptr;
    const auto end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    ++line_;
    const std::string_view given = look(line, size) ? line : std::string_view("");  // never null: memcpy
    std::memcpy(buffer, given.data(), given.size());
    buffer[given.size()] = '\n';
    buffer[given.size() + 1] = '\0';
    return buffer;
  }

  bool look(std::string_view line, std::size_t size) {
    const std::string_view text = trimmed(line);
    if (text.empty() || text.front() == '#' || text.front() == ';') return false;
    if (line.size() + 3 > size) {
      problem("the line is longer than " + std::to_string(size - 3) + " characters");
      return false;
    }
    const bool control = std::any_of(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 127;
    });
    if (control) {
      problem("the line holds a control character");
      return false;
    }
    if (text.front() == '[') return section(text);
    continuation_ = (line.front() == ' ' || line.front() == '\t') && last_ != nullptr;
    if (continuation_ && !last_->list) {
      problem("the line is indented, which would continue '" + std::string(last_->name) +
              "' above: begin it at the first column");
      return false;
    }
    expecting_ = true;
    return true;
  }

  bool section(std::string_view text) {
    last_ = nullptr;
    const auto close = text.find(']');
    const std::string_view after = close == text.npos ? "" : trimmed(text.substr(close + 1));
    if (close == text.npos || (!after.empty() && after.front() != ';' && after.front() != '#')) {
      problem("a section is written [name], alone on its line");
      sectionKnown_ = false;
      return true;
    }
    const std::string_view name = text.substr(1, close - 1);
    const auto names = sectionNames();
    sectionKnown_ = std::find(names.begin(), names.end(), name) != names.end();
    if (!sectionKnown_) problem(unknownName("section", name, names));
    inSection_ = true;
    return true;
  }

  void closeLine() {
    if (expecting_) problem("the line is neither [section] nor key = value");
    expecting_ = false;
  }

  void key(std::string_view sectionName, std::string_view name, std::string_view value) {
    expecting_ = false;
    if (!inSection_) return problem("key '" + std::string(name) + "' stands before any [section]");
    if (!sectionKnown_) return;  // said once, for the section
    const auto found = std::find_if(keys().begin(), keys().end(),
                                    [&](const Key& key) { return key.section == sectionName && key.name == name; });
    if (found == keys().end()) {
      last_ = nullptr;
      return problem("[" + std::string(sectionName) + "] " + unknownName("key", name, keyNames(sectionName)));
    }
    take(*found, value);
  }

  void take(const Key& key, std::string_view value) {
    const bool goesOn = continuation_ && last_ == &key;
    last_ = &key;
    if (const auto before = seen_.find(&key); before != seen_.end() && !goesOn)
      return problem("key '" + std::string(key.name) + "' is set twice, first in line " +
                     std::to_string(before->second));
    if (!goesOn) seen_[&key] = line_;
    origins_[&key] = {file_, line_};
    if (value.empty() && !goesOn && !key.list)
      return problem(std::string(key.name) + " has no value: give it one, or remove the line");
    // A list of a later file replaces that of an earlier one, as every value does.
    if (key.list && !goesOn) config_.policy.endpoints.clear();
    if (auto why = key.take(config_, value)) problem(std::string(key.name) + ": " + *why);
  }

  std::string_view rest_;
  const std::string& file_;
  Config& config_;
  std::vector<Problem>& problems_;
  Origins& origins_;
  std::map<const Key*, int> seen_;
  const Key* last_ = nullptr;
  int line_ = 0;
  bool expecting_ = false;  // inih was given a line that must become a key
  bool continuation_ = false;
  bool inSection_ = false;
  bool sectionKnown_ = false;
};

}  // namespace

void parseInto(std::string_view text, const std::string& file, Config& config, std::vector<Problem>& problems,
               Origins& origins) {
  File(text, file, config, problems, origins).run();
}

void parse(std::string_view text, const std::string& file, Config& config, std::vector<Problem>& problems) {
  Origins origins;
  parseInto(text, file, config, problems, origins);
}

}  // namespace bedplate::config
