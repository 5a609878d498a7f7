// The keys that can cut the node off, which are set and taken back as a group. Private to the Keeper.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/apply/store.h"
#include "agent/plan/plan.h"
#include "tuning/host/files.h"

namespace bedplate::apply {

// Whether the change sets or gives back such a key.
bool ofGroup(const plan::Change& change);

// What the target says of such keys: a group that was taken back is not tried again while this stays as it is, so that
// a commit to something else does not cut the node off for a few seconds more.
std::string groupDigest(const plan::Target& target);

// What these changes may write over, with the values of now, in the order of putting back: their keys in reverse, then
// what the kernel changes along with them (ip_forward moves every conf.*.forwarding, conf.default.X the devices whose
// own X was never set).
std::vector<std::pair<std::string, std::string>> valuesBefore(host::Files& files,
                                                              const std::vector<plan::Change>& group);

// Writes them back, more than once where one moves another. What is gone is passed over. The first failure.
host::Status putBack(host::Files& files, const std::vector<std::pair<std::string, std::string>>& values);

// The error of a key that was taken back.
host::Error cutOffError(const std::string& key, const std::string& why);
bool isCutOff(const std::optional<host::Error>& error);
// The error of a key that waits for a look at the network.
host::Error uncheckedError(const std::string& key);
bool isUnchecked(const std::optional<host::Error>& error);

}  // namespace bedplate::apply
