// Public keys of SSH as OpenSSL's, and what they verify. Private to agent/trust.
// Thread-safety: plain values and free functions; a key is used from one thread at a time.
#pragma once

#include <string>
#include <string_view>

#include "agent/trust/openssl.h"
#include "agent/trust/ssh_reader.h"
#include "tuning/host/result.h"

namespace bedplate::trust {

struct SshKey {
  std::string type;         // "ssh-ed25519"
  std::string kind;         // "ED25519", as ssh-keygen calls it
  std::string blob;         // as in a line of a .pub file, decoded
  std::string application;  // of keys on hardware
  Key key;
};

// ssh-ed25519, ssh-rsa (2048 to 16384 bits), ecdsa-sha2-nistp{256,384,521}, sk-ssh-ed25519 and sk-ecdsa-sha2-nistp256.
// "Unsupported" for other types and short RSA keys, "Malformed" for blobs that are no key.
host::Result<SshKey> parseSshKey(std::string_view blob);

// The fields of a key of this type, off `reader`, which a certificate has too, behind its nonce.
host::Result<SshKey> takeSshKey(std::string_view type, SshReader& reader);

// "ED25519" for "ssh-ed25519"; "" for a type that is not known.
std::string_view kindOf(std::string_view type);

// "SHA256:...", of a key's blob.
std::string fingerprint(std::string_view blob);

// Whether `signature` (the blob: its type, and the bytes) is the key's over `data`. "BadSignature"; "Malformed" for
// what is none, "Unsupported" for a type that is not the key's, as RSA with SHA-1, or a touch of the hardware key left
// out.
host::Status checkSignature(const SshKey& key, std::string_view signature, std::string_view data);

}  // namespace bedplate::trust
