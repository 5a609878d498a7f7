#include "agent/source/landlock.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace bedplate::source {
namespace {

// Of linux/landlock.h, which on a machine that builds may be older than the kernel that runs. The numbers of the calls
// are the same on every architecture.
constexpr long kCreateRuleset = 444;
constexpr long kAddRule = 445;
constexpr long kRestrictSelf = 446;
constexpr unsigned kAskVersion = 1;
constexpr int kPathBeneath = 1;

struct Ruleset {
  std::uint64_t files = 0;
  std::uint64_t network = 0;
  std::uint64_t scopes = 0;
};

struct [[gnu::packed]] PathRule {
  std::uint64_t allowed;
  std::int32_t folder;
};

constexpr std::uint64_t kWriteFile = 1U << 1;
// Remove a directory, a file; make a device, directory, file, socket, FIFO, block device, symbolic link.
constexpr std::uint64_t kChangeNames = 0x1ff0;
constexpr std::uint64_t kRefer = 1U << 13;     // rename or link into another directory
constexpr std::uint64_t kTruncate = 1U << 14;  // by its path
constexpr std::uint64_t kBindTcp = 1U << 0;
constexpr std::uint64_t kScopes = 3;  // abstract sockets, signals

constexpr int kHasRefer = 2;
constexpr int kHasTruncate = 3;
constexpr int kHasNetwork = 4;
constexpr int kHasScopes = 6;

Ruleset rulesOf(int version) {
  Ruleset rules;
  rules.files = kWriteFile | kChangeNames;
  if (version >= kHasRefer) rules.files |= kRefer;
  if (version >= kHasTruncate) rules.files |= kTruncate;
  if (version >= kHasNetwork) rules.network = kBindTcp;
  if (version >= kHasScopes) rules.scopes = kScopes;
  return rules;
}

}  // namespace

int landlockVersion() {
  const long version = ::syscall(kCreateRuleset, nullptr, 0, kAskVersion);
  return version > 0 ? static_cast<int>(version) : 0;
}

host::UniqueFd writeRules(const std::string& folder) {
  const Ruleset handled = rulesOf(landlockVersion());
  // An older kernel takes the longer struct as long as what it does not know is 0.
  host::UniqueFd rules(static_cast<int>(::syscall(kCreateRuleset, &handled, sizeof handled, 0U)));
  if (!rules.valid() || folder.empty()) return rules;
  // A folder that is not there needs no rule: the child says what it misses.
  const host::UniqueFd opened(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const PathRule rule{handled.files, opened.get()};
  if (opened.valid()) static_cast<void>(::syscall(kAddRule, rules.get(), kPathBeneath, &rule, 0U));
  return rules;
}

bool holdTo(int rules) { return ::syscall(kRestrictSelf, rules, 0U) == 0; }

}  // namespace bedplate::source
