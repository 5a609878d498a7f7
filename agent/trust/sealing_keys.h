// The node's keys in files. Internal to trust; the contract is in trust.h.
// Thread-safety: free functions; one writer.
#pragma once

#include <string>
#include <vector>

#include "agent/trust/openssl.h"
#include "agent/trust/trust.h"

namespace bedplate::trust {

// A certificate of ten years for this key, in PEM.
host::Result<std::string> selfSigned(EVP_PKEY* key, const std::string& node, std::int64_t nowUs);

// Paths of the key files, by name; none when there is no directory.
host::Result<std::vector<std::string>> keyFiles(host::Files& files);
// The RSA key in one of them. "Denied" when others may read the file, "Invalid" when it holds none.
host::Result<Key> readKey(host::Files& files, const std::string& path);

// No core dump of this process from here on: it has held a key.
void keepFromCoreDumps();

}  // namespace bedplate::trust
