// The keys that K3s takes in its configuration (the flags of pkg/cli/cmds, v1.34), and what is known of them.
// Thread-safety: free functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bedplate::cluster {

enum class TakenBy { nobody, servers, both, agents };
// Who takes this key. "nobody": no K3s that we know; a newer one may.
TakenBy takenBy(std::string_view key);
// The known key that was probably meant.
std::optional<std::string> nearestK3sKey(std::string_view key);

// Its value is a credential, or holds one.
bool isSecretKey(std::string_view key);
// For a secret: the key that names a file with it instead, or "".
std::string_view fileKeyOf(std::string_view key);
// Its value names another machine: a URL, a host, or a data source.
bool isEndpointKey(std::string_view key);
// Bedplate works with its value itself, and shows what follows from it: the node's name, directories, and what is said
// of kernel keys.
bool isShownKey(std::string_view key);

// The keys that all servers of a cluster must agree on for its life (CriticalControlArgs of pkg/daemons/config, and the
// documentation's agent-token). By name.
std::span<const std::string_view> criticalKeys();

}  // namespace bedplate::cluster
