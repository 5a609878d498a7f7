// One file of modules-load.d.
#include "tuning/modules/modules.h"
#include "tuning/modules/name.h"

namespace bedplate::modules {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";

// What is wrong with a name, and what would be right; "" when nothing is.
std::string wrongWith(std::string_view name) {
  if (isName(name)) return {};
  if (name.size() > kMaxName && std::all_of(name.begin(), name.end(), isNameCharacter))
    return "the name is longer than 64 bytes: no module is called so";
  if (name.find_first_of(kBlanks) != std::string_view::npos)
    return "more than a name: one module a line; its options go into modprobe.d, a comment on its own line";
  if (name.ends_with(".ko") || name.find(".ko.") != std::string_view::npos)
    return "a file name: write the module's name without \".ko\"";
  if (name.find('/') != std::string_view::npos) return "a path: write the module's name alone";
  return "a module's name has only letters, digits, \"_\" and \"-\"";
}

}  // namespace

Parsed parse(std::string_view text, const std::string& file) {
  Parsed parsed;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t first = line.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) continue;
    line = line.substr(first, line.find_last_not_of(kBlanks) + 1 - first);
    if (line.front() == '#' || line.front() == ';') continue;
    if (std::string wrong = wrongWith(line); !wrong.empty()) {
      // The column of the first character that does not belong.
      const auto bad = std::find_if_not(line.begin(), line.end(), isNameCharacter);
      const std::size_t offset = bad == line.end() ? kMaxName : static_cast<std::size_t>(bad - line.begin());
      parsed.problems.push_back({number, static_cast<int>(first + offset + 1), std::move(wrong)});
      continue;
    }
    Entry entry{std::string(line), file, number};
    std::replace(entry.name.begin(), entry.name.end(), '-', '_');
    parsed.entries.push_back(std::move(entry));
  }
  return parsed;
}

}  // namespace bedplate::modules
