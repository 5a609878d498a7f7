// The known_hosts format of OpenSSH: which key a host must have. Fails closed: what is not listed is not trusted.
// Thread-safety: free functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bedplate::worker {

enum class HostKeyVerdict { trusted, unknownHost, otherKey, revoked };

// `key` is the raw public key as it is on the wire of SSH. Plain names, patterns with * and ? and !, hashed names and
// [host]:port are understood; a port other than 22 must be listed with it. @cert-authority lines are not used;
// @revoked lines win over all.
HostKeyVerdict checkHostKey(std::string_view knownHosts, std::string_view host, std::uint16_t port,
                            std::string_view key);

// "SHA256:..." as ssh-keygen -l shows it, with the type of the key before it.
std::string fingerprint(std::string_view key);

}  // namespace bedplate::worker
