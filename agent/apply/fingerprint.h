// Hashes of what lies in K3s's configuration, to be shown and remembered. A plain hash of a file that holds a password
// lets everyone who sees the hash try passwords; these are keyed (HMAC-SHA-256) with a key that only root reads
// (var/lib/bedplate/fingerprint.key, 0600), made with the state. Without the key file a process takes a key of its own:
// its hashes equal no others.
// Thread-safety: free functions and plain values.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "tuning/host/files.h"

namespace bedplate::apply {

// Makes the key when there is none; durable when it returns.
host::Status ensureFingerprintKey(host::Files& files);

class Fingerprint {
 public:
  static Fingerprint of(host::Files& files);
  // Hex; equal for equal bytes on one node.
  std::string operator()(std::string_view bytes) const;

  static constexpr std::size_t kKey = 32;

 private:
  std::array<unsigned char, kKey> key_{};
};

// Whether a path lies in K3s's configuration directory.
bool inK3sConfig(std::string_view path);

}  // namespace bedplate::apply
