// Hashes of OpenSSL. Private to agent/trust. Thread-safety: free functions.
#pragma once

#include <string>
#include <string_view>

namespace bedplate::trust {

enum class Hash { sha256, sha384, sha512 };

std::string digest(Hash hash, std::string_view bytes);
// OpenSSL's name of it.
const char* nameOf(Hash hash);

}  // namespace bedplate::trust
