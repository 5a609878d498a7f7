// The boot files: what systemd sets before we run. Rendered from what really holds, so that a value that the kernel
// refuses, or that takes the machine down, is never in them.
#pragma once

#include <set>
#include <string>

#include "agent/plan/plan.h"
#include "tuning/host/files.h"

namespace bedplate::apply {

// What is known of the subjects of a target after a run.
struct Holding {
  std::set<std::string> held;    // keys and modules that hold
  std::set<std::string> failed;  // and those that were refused
  std::set<std::string> undone;  // of these: keys that cut the node off. The file keeps what it says of them
};

// The text of etc/sysctl.d/99-zz-bedplate.conf; "" when there is nothing to set. `before` is the text that is there: a
// key that held earlier and only waits for its module now stays in. Globs stay globs, so that an interface that comes
// and goes does not rewrite the file.
std::string bootSysctl(const plan::Target& target, const plan::Observed& seen, const Holding& holding,
                       const std::string& before);
std::string bootModules(const plan::Target& target, const Holding& holding, const std::string& before);

// Both, written only where they differ from what is there; removed when empty.
host::Status writeBootFiles(host::Files& files, const plan::Target& target, const plan::Observed& seen,
                            const Holding& holding);

// Whether the boot file has this key, or glob, with this value.
bool inBootSysctl(host::Files& files, const std::string& rule, const std::string& value);

}  // namespace bedplate::apply
