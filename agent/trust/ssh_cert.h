// OpenSSH's certificates of keys. Private to agent/trust. Thread-safety: plain values and free functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/trust/ssh_key.h"

namespace bedplate::trust {

struct SshCertificate {
  SshKey key;  // its kind ends in "-CERT"
  bool user = false;
  std::vector<std::string> principals;
  std::uint64_t validAfter = 0;   // seconds since the epoch, included
  std::uint64_t validBefore = 0;  // not included
  bool critical = false;          // it carries options that must not be passed over
  std::string authority;          // the blob of the key that signed it
  std::string said;               // what it signed
  std::string signature;          // its signature's blob
};

bool isCertificate(std::string_view blob);

// Parsed; nothing of it is believed yet. "Malformed", "Unsupported".
host::Result<SshCertificate> parseSshCertificate(std::string_view blob);
// Whether it is signed by its `authority`, whoever that is. Reasons as checkSignature.
host::Status checkAuthority(const SshCertificate& certificate);

}  // namespace bedplate::trust
