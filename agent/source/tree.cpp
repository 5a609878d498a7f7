// gitformat-tree, strictly: what git itself would not write is refused.
#include <algorithm>

#include "agent/source/source.h"
#include "agent/source/text.h"

namespace bedplate::source {
namespace {

host::Failure refused(std::string_view why) { return host::fail("ObjectRefused", "directory in Git", why); }

std::optional<std::uint32_t> parseMode(std::string_view text) {
  static constexpr std::pair<std::string_view, std::uint32_t> kModes[] = {{"100644", 0100644}, {"100755", 0100755},
                                                                          {"100664", 0100664}, {"40000", 0040000},
                                                                          {"120000", 0120000}, {"160000", 0160000}};
  for (const auto& [name, mode] : kModes)
    if (name == text) return mode;
  return std::nullopt;
}

bool isDotGit(std::string_view name) {
  return name.size() == 4 && name[0] == '.' && (name[1] | 0x20) == 'g' && (name[2] | 0x20) == 'i' &&
         (name[3] | 0x20) == 't';
}

bool goodName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && !isDotGit(name) && name.find('/') == std::string_view::npos;
}

// git sorts a directory as if its name ended in a slash.
std::string sortKey(const TreeEntry& entry) { return entry.mode == 0040000 ? entry.name + "/" : entry.name; }

host::Status checkOrder(const std::vector<TreeEntry>& entries) {
  for (std::size_t i = 1; i < entries.size(); ++i)
    if (sortKey(entries[i - 1]) >= sortKey(entries[i]))
      return refused("has entries out of order at '" + shownPath(entries[i].name) + "'");
  // A file and a directory of one name need not be neighbours.
  std::vector<std::string_view> names;
  names.reserve(entries.size());
  for (const auto& entry : entries) names.emplace_back(entry.name);
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    return refused("has '" + shownPath(*twice) + "' twice");
  return {};
}

}  // namespace

host::Result<std::vector<TreeEntry>> parseTree(std::string_view raw, std::size_t idSize) {
  if (idSize != 20 && idSize != 32) return refused("has ids of an unknown size");
  std::vector<TreeEntry> entries;
  while (!raw.empty()) {
    const std::size_t space = raw.find(' ');
    const std::size_t end = raw.find('\0');
    if (space == std::string_view::npos || end == std::string_view::npos || space > end ||
        raw.size() - end - 1 < idSize)
      return refused("is cut off");
    const auto mode = parseMode(raw.substr(0, space));
    const std::string_view name = raw.substr(space + 1, end - space - 1);
    if (!mode) return refused("has an entry '" + shownPath(name) + "' of an unknown kind");
    if (!goodName(name)) return refused("has an entry named '" + shownPath(name) + "', which no directory may hold");
    const auto id = ObjectId::fromBytes(raw.substr(end + 1, idSize));
    entries.push_back({*mode, std::string(name), *id});
    raw.remove_prefix(end + 1 + idSize);
  }
  BEDPLATE_TRY(checkOrder(entries));
  return entries;
}

}  // namespace bedplate::source
