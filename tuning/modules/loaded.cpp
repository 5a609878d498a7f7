// Whether the kernel has a module.
#include <algorithm>

#include "tuning/host/paths.h"
#include "tuning/modules/modules.h"
#include "tuning/modules/name.h"

namespace bedplate::modules {
namespace {

constexpr std::size_t kMaxList = 4 << 20;

// "kernel/net/bridge/br_netfilter.ko" is br_netfilter; file names may have dashes where the name has underscores.
bool namesModule(std::string_view path, const std::string& name) {
  path.remove_prefix(std::min(path.rfind('/') + 1, path.size()));
  if (path.size() != name.size() + 3 || !path.ends_with(".ko")) return false;
  return std::equal(name.begin(), name.end(), path.begin(), [](char a, char b) { return a == (b == '-' ? '_' : b); });
}

// Built-in modules without parameters have no /sys/module directory; their list comes with the kernel.
bool builtIn(host::Files& files, const std::string& name) {
  auto release = files.read(host::paths::osRelease, 256);
  if (!release) return false;
  while (!release->empty() && release->back() == '\n') release->pop_back();
  if (release->empty() || release->find('/') != std::string::npos || release->starts_with('.')) return false;
  const auto list = files.read(std::string(host::paths::kernelModules) + "/" + *release + "/modules.builtin", kMaxList);
  if (!list) return false;
  for (std::string_view rest = *list; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    if (namesModule(rest.substr(0, end), name)) return true;
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return false;
}

}  // namespace

bool loaded(host::Files& files, const std::string& name) {
  if (!isName(name)) return false;
  if (files.info(host::joinPath(host::paths::sysModule, name))) return true;
  return builtIn(files, name);
}

}  // namespace bedplate::modules
