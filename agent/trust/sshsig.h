// The signature format of `ssh-keygen -Y sign` (SSHSIG, version 1). Private to agent/trust.
// Thread-safety: free functions and plain values.
#pragma once

#include <string>
#include <string_view>

#include "tuning/host/result.h"

namespace bedplate::trust {

struct SshSignature {
  std::string publicKey;  // the key's blob, or a certificate's
  std::string space;      // the namespace: "git" for commits
  std::string hash;       // sha256 or sha512
  std::string signature;  // the signature's blob
};

// "Malformed" for anything that is not exactly one of version 1 with an empty reserved field; "Unsupported" for another
// version or another hash.
host::Result<SshSignature> parseSshSignature(std::string_view bytes);

// The bytes that the key signed, for a message.
std::string signedBytes(const SshSignature& signature, std::string_view message);

}  // namespace bedplate::trust
