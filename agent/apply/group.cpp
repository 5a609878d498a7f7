#include "agent/apply/group.h"

#include <algorithm>
#include <set>

#include "tuning/sysctl/sysctl.h"

namespace bedplate::apply {
namespace {

constexpr const char* kReason = "CutOff";
constexpr const char* kUnchecked = "NotChecked";

// The keys that the kernel may change along with this one.
std::vector<std::string> movedWith(sysctl::Tree& tree, const std::string& key) {
  std::vector<std::string> globs;
  if (key == "net/ipv4/ip_forward" || key == "net/ipv4/conf/all/forwarding")
    globs = {"net/ipv4/ip_forward", "net/ipv4/conf/*/forwarding", "net/ipv4/conf/*/accept_redirects"};
  for (const std::string family : {"net/ipv4/", "net/ipv6/"})
    for (const std::string kind : {"conf/", "neigh/"})
      for (const std::string device : {"all/", "default/"}) {
        const std::string folder = family + kind + device;
        if (key.compare(0, folder.size(), folder) == 0)
          globs.push_back(family + kind + "*/" + key.substr(folder.size()));
      }
  std::vector<std::string> keys;
  for (const auto& glob : globs) {
    const auto found = tree.expand(glob);
    if (found) keys.insert(keys.end(), found->begin(), found->end());
  }
  return keys;
}

}  // namespace

bool ofGroup(const plan::Change& change) {
  return (change.action == plan::Action::setSysctl || change.action == plan::Action::restoreSysctl) &&
         sysctl::cutsOff(change.subject);
}

std::string groupDigest(const plan::Target& target) {
  std::string text;
  for (const auto& want : target.sysctls)
    if (sysctl::cutsOff(want.rule.key))
      text += (want.rule.excluded ? "-" : "") + want.rule.key + "=" + want.rule.value + "\n";
  return plan::sha256(text);
}

std::vector<std::pair<std::string, std::string>> valuesBefore(host::Files& files,
                                                              const std::vector<plan::Change>& group) {
  sysctl::Tree tree(files);
  std::vector<std::string> keys;
  for (auto change = group.rbegin(); change != group.rend(); ++change) keys.push_back(change->subject);
  for (const auto& change : group)
    for (auto& key : movedWith(tree, change.subject)) keys.push_back(std::move(key));
  std::vector<std::pair<std::string, std::string>> values;
  std::set<std::string> done;
  for (const auto& key : keys) {
    if (!done.insert(key).second) continue;
    if (auto value = tree.read(key)) values.emplace_back(key, std::move(*value));
  }
  return values;
}

host::Status putBack(host::Files& files, const std::vector<std::pair<std::string, std::string>>& values) {
  constexpr int kRounds = 3;
  sysctl::Tree tree(files);
  host::Status status;
  for (int round = 0; round < kRounds; ++round) {
    bool wrote = false;
    status = {};
    for (const auto& [key, value] : values) {
      const auto now = tree.read(key);
      if (!now || *now == value) continue;
      wrote = true;
      if (auto written = tree.write(key, value); !written && status) status = std::move(written);
    }
    if (!wrote) break;
  }
  return status;
}

host::Error cutOffError(const std::string& key, const std::string& why) {
  return {kReason, 0, sysctl::dotted(key), why, "change these keys in Git; bedplate sync tries them again as they are"};
}

bool isCutOff(const std::optional<host::Error>& error) { return error && error->reason == kReason; }

host::Error uncheckedError(const std::string& key) {
  return {kUnchecked, 0, sysctl::dotted(key),
          "can cut the node off, and was not confirmed before: waits for a look at the network",
          "it follows with the next sync"};
}

bool isUnchecked(const std::optional<host::Error>& error) { return error && error->reason == kUnchecked; }

}  // namespace bedplate::apply
