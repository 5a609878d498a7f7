// The one line of K3s's log that says why it did not come up.
// Thread-safety: free functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bedplate::k3s {

// Of the lines since K3s was asked to start, the one that matters most: a fatal one or a panic, what made one of its
// parts end ("Shutdown request received"), then what systemd said of its end, then the last error. Of equals the last.
// Without time and level, escapes undone, credentials in addresses and tokens replaced; at most 400 bytes. "" when
// none of them says anything.
std::string lineThatMatters(const std::vector<std::string>& lines);

// The same text without what may be a secret: "user:password@" of an address, and K3s's tokens.
std::string withoutSecrets(std::string_view text);

}  // namespace bedplate::k3s
