// Reading and writing below /proc/sys.
#include <fnmatch.h>

#include <algorithm>

#include "tuning/host/paths.h"
#include "tuning/sysctl/pattern.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::sysctl {
namespace {

// The longest known are bitmaps of ports; most values are a few bytes.
constexpr std::size_t kMaxValue = 256 * 1024;
constexpr std::size_t kMaxMatches = 100'000;

std::string pathOf(std::string_view key) {
  std::string path;
  path.reserve(sizeof "proc/sys/" + key.size());
  path += host::paths::procSys;
  path += '/';
  path += key;
  return path;
}

// Keys may come from a state database: none may lead out of /proc/sys.
bool staysInside(std::string_view key) {
  for (std::size_t begin = 0; begin <= key.size();) {
    const std::size_t end = std::min(key.find('/', begin), key.size());
    const std::string_view part = key.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return true;
}

// The error as the operator knows the thing: by its key, not by a path.
host::Failure named(host::Error error, const std::string& key) {
  error.thing = dotted(key);
  if (error.reason == "NotFound") {
    error.why = "the kernel has no such key";
    error.todo = "check the spelling, or load the module that brings it";
  }
  return host::Failure(std::move(error));
}

// Keys that do not say what they hold: write-only ones, and secrets.
bool unreadable(const host::Error& error) { return error.reason == "Denied" || error.reason == "Io"; }

host::Failure refusedValue(host::Error error, const std::string& key, const std::string& value) {
  const std::string shown = value.size() > 100 ? value.substr(0, 100) + "..." : value;
  error.why = "the kernel does not take \"" + shown + "\": " + error.why;
  if (error.reason == "Invalid") error.todo = "give a value in the range that the kernel documents for this key";
  if (error.reason == "Denied") error.todo = "run as root; in a container the key may belong to the host alone";
  if (error.reason == "ReadOnly") error.todo = "mount /proc/sys writable";
  return named(std::move(error), key);
}

}  // namespace

host::Result<std::string> Tree::read(const std::string& key) {
  if (!staysInside(key)) return host::fail("Invalid", dotted(key), "is not the name of a key", "check the spelling");
  auto text = files_.readValue(pathOf(key), kMaxValue);
  if (!text) return named(std::move(text).error(), key);
  // Most values are one word and a newline: no second buffer for them.
  if (!text->empty() && text->back() == '\n') text->pop_back();
  if (text->find_first_of(" \t\n\r\v\f") == std::string::npos) return std::move(*text);
  return normaliseValue(*text);
}

host::Status Tree::write(const std::string& key, const std::string& value) {
  const std::string wanted = normaliseValue(value);
  const auto before = read(key);
  if (before && same(key, wanted, *before)) return {};
  if (!before && !unreadable(before.error())) return host::Failure(before.error());
  const host::Status written = files_.writeValue(pathOf(key), wanted + "\n");
  const auto after = read(key);
  // What somebody else has put right meanwhile is right.
  if (after && same(key, wanted, *after)) return {};
  if (!written) return refusedValue(written.error(), key, wanted);
  if (!after) {
    if (!before) return {};  // never readable: the kernel took it, more cannot be known
    return host::Failure(after.error());
  }
  return host::fail("Differs", dotted(key), "\"" + wanted + "\" was written and the kernel holds \"" + *after + "\"",
                    "set what the kernel holds, or find out who else writes the key");
}

host::Result<std::vector<std::string>> Tree::expand(const std::string& glob) {
  if (!staysInside(glob)) return host::fail("Invalid", dotted(glob), "is not the name of a key", "check the spelling");
  std::vector<std::string> found = {""};
  std::string_view rest = glob;
  while (!rest.empty() && !found.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string part(rest.substr(0, slash));
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    if (!hasGlob(part)) {
      for (std::string& prefix : found) prefix = host::joinPath(prefix, part);
      continue;
    }
    std::vector<std::string> next;
    for (const std::string& prefix : found) {
      auto names = files_.list(prefix.empty() ? host::paths::procSys : pathOf(prefix), kMaxMatches);
      if (!names && names.error().reason == "NotFound") continue;  // no such directory, or a file, or just gone
      if (!names) return named(std::move(names).error(), glob);
      for (const std::string& name : *names)
        if (::fnmatch(part.c_str(), name.c_str(), FNM_PERIOD) == 0) next.push_back(host::joinPath(prefix, name));
      if (next.size() > kMaxMatches) return host::fail("TooLarge", dotted(glob), "matches too many keys", "narrow it");
    }
    found = std::move(next);
  }
  // Directories are no keys, and a literal end may not be there for every match.
  std::erase_if(found, [this](const std::string& key) {
    const auto info = files_.info(pathOf(key));
    return !info || info->kind != host::FileKind::regular;
  });
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace bedplate::sysctl
