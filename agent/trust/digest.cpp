#include "agent/trust/digest.h"

#include <openssl/evp.h>

namespace bedplate::trust {

const char* nameOf(Hash hash) {
  switch (hash) {
    case Hash::sha256: return "SHA256";
    case Hash::sha384: return "SHA384";
    case Hash::sha512: return "SHA512";
  }
  return "";
}

std::string digest(Hash hash, std::string_view bytes) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  std::size_t length = 0;
  // Fails without memory alone; an empty digest is that of nothing, and no signature verifies.
  if (EVP_Q_digest(nullptr, nameOf(hash), nullptr, bytes.data(), bytes.size(),
                   reinterpret_cast<unsigned char*>(out.data()), &length) != 1)
    length = 0;
  out.resize(length);
  return out;
}

}  // namespace bedplate::trust
