// Work in a process and a network namespace of its own, so that no value of the machine is touched (below
// /proc/sys/net a process sees its own namespace).
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace bedplate::testlib {

// What `work` gives: "" when all was well. "SKIPPED: ..." when there is no namespace to be had, "died" when it crashed.
// With `mounts` it has a mount namespace of its own as well.
std::string inNamespace(const std::function<std::string()>& work, bool mounts = false);

// Writes `text` into a file as another process does, and waits for it. Its pid; -1 when it could not write.
pid_t writeAsAnother(const std::string& path, const std::string& text);

// Runs iproute2's ip; false when it fails or is not there.
bool ip(const std::vector<std::string>& arguments);

// Open descriptors of this process.
std::size_t openDescriptors();

}  // namespace bedplate::testlib
