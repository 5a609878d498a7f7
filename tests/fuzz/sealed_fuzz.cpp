// A sealed file: whatever form is taken is the one way to write its bytes, and only what was sealed is opened.
#include <openssl/pem.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "agent/trust/armor.h"
#include "agent/trust/sealed.h"

namespace {

namespace trust = bedplate::trust;

// Of no node: it is made anew for each run of the program.
EVP_PKEY* key() {
  static const trust::Key kKey(EVP_RSA_gen(2048));
  if (!kKey) std::abort();
  return kKey.get();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto envelope = trust::parseEnvelope(text);
  if (envelope) {
    const std::string again = trust::encodeBase64(envelope->bytes);
    if (!text.starts_with(again) || text.find_first_not_of(" \t\r\n", again.size()) != std::string_view::npos)
      std::abort();
    if (envelope->rsa().size() != envelope->rsaSize || envelope->gcm().size() < 16) std::abort();
    const auto opened = trust::openWith(key(), *envelope, "c/n");
    if (!opened || *opened) std::abort();  // nobody has sealed anything for this key
  }
  // As content, it comes out as it went in.
  const auto sealed = trust::sealFor(key(), text, "c/n");
  if (!sealed) std::abort();
  const auto whole = trust::parseEnvelope(trust::encodeBase64(*sealed));
  if (!whole) std::abort();
  const auto opened = trust::openWith(key(), *whole, "c/n");
  if (!opened || !*opened || (*opened)->view() != text) std::abort();
  const auto elsewhere = trust::openWith(key(), *whole, "c/m");
  if (!elsewhere || *elsewhere) std::abort();
  return 0;
}
