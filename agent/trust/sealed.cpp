// The format of Sealed Secrets (pkg/crypto): a session key in RSA-OAEP with SHA-256, whose label binds it to its place,
// and the content in AES-256-GCM under that key. The nonce is all zeros, which is right because no session key is used
// twice.
#include "agent/trust/sealed.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>

#include "agent/source/text.h"
#include "agent/trust/armor.h"

namespace bedplate::trust {
namespace {

constexpr std::size_t kSessionKey = 32;
constexpr std::size_t kTag = 16;
constexpr std::string_view kEnd = ".sealed";
// 2048 to 8192 bits.
constexpr std::size_t kLeastRsa = 256, kMostRsa = 1024;

host::Failure notSealed(const std::string& why) {
  return host::fail("NotSealed", "", why, "seal it again: bedplate seal, or kubeseal --raw");
}

host::Failure opensslFailed(const char* doing) {
  ::ERR_clear_error();
  return host::fail("Internal", "OpenSSL", std::string("failed to ") + doing, "is there memory left?");
}

const unsigned char* raw(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* raw(char* text) { return reinterpret_cast<unsigned char*>(text); }

bool setOaep(EVP_PKEY_CTX* context, const std::string& label) {
  if (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) != 1 ||
      EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) != 1)
    return false;
  if (label.empty()) return true;
  void* copy = OPENSSL_memdup(label.data(), label.size());  // the context's from here on
  if (copy == nullptr) return false;
  if (EVP_PKEY_CTX_set0_rsa_oaep_label(context, copy, static_cast<int>(label.size())) == 1) return true;
  OPENSSL_free(copy);
  return false;
}

const std::array<unsigned char, 12>& zeroNonce() {
  static const std::array<unsigned char, 12> kZero{};
  return kZero;
}

// nullopt: the tag does not fit.
std::optional<Secret> decrypt(const Secret& session, std::string_view gcm) {
  const std::string_view body = gcm.substr(0, gcm.size() - kTag);
  std::array<char, kTag> tag{};
  std::copy(gcm.end() - kTag, gcm.end(), tag.begin());
  const Cipher cipher(EVP_CIPHER_CTX_new());
  Secret content(body.size());
  int size = 0;
  if (!cipher ||
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, raw(session.view()), zeroNonce().data()) != 1 ||
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTag, tag.data()) != 1 ||
      (!body.empty() &&
       EVP_DecryptUpdate(cipher.get(), raw(content.data()), &size, raw(body), static_cast<int>(body.size())) != 1))
    return std::nullopt;
  unsigned char none = 0;
  if (EVP_DecryptFinal_ex(cipher.get(), &none, &size) != 1) return std::nullopt;
  return content;
}

}  // namespace

host::Result<Envelope> parseEnvelope(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  if (text.empty()) return notSealed("is empty");
  auto bytes = decodeBase64(text);
  if (!bytes) return notSealed("is not one line of base64");
  Envelope envelope{std::move(*bytes), 0};
  const std::string_view all = envelope.bytes;
  if (all.size() < 2) return notSealed("is too short");
  envelope.rsaSize = static_cast<std::size_t>(raw(all)[0]) << 8 | raw(all)[1];
  if (envelope.rsaSize < kLeastRsa || envelope.rsaSize > kMostRsa)
    return notSealed("names an RSA block of " + std::to_string(envelope.rsaSize) + " bytes, which is none");
  if (all.size() < 2 + envelope.rsaSize + kTag) return notSealed("is shorter than it says");
  return envelope;
}

host::Result<std::optional<Secret>> openWith(EVP_PKEY* key, const Envelope& envelope, const std::string& label) {
  if (static_cast<std::size_t>(EVP_PKEY_get_size(key)) != envelope.rsaSize) return std::optional<Secret>();
  const KeyContext context(EVP_PKEY_CTX_new(key, nullptr));
  if (!context || EVP_PKEY_decrypt_init(context.get()) != 1 || !setOaep(context.get(), label))
    return opensslFailed("set up a decryption");
  Secret session(envelope.rsaSize);
  std::size_t size = session.size();
  const auto rsa = envelope.rsa();
  const bool opened = EVP_PKEY_decrypt(context.get(), raw(session.data()), &size, raw(rsa), rsa.size()) == 1;
  ::ERR_clear_error();
  if (!opened || size != kSessionKey) return std::optional<Secret>();
  session.shrink(size);
  auto content = decrypt(session, envelope.gcm());
  ::ERR_clear_error();
  if (!content)
    return host::fail("SealedDamaged", "", "its content is not what was sealed: it was changed or cut",
                      "bring it back from Git's history, or seal it again");
  return content;
}

host::Result<std::string> sealFor(EVP_PKEY* key, std::string_view content, const std::string& label) {
  const auto rsaSize = static_cast<std::size_t>(EVP_PKEY_get_size(key));
  Secret session(kSessionKey);
  if (RAND_priv_bytes(raw(session.data()), static_cast<int>(kSessionKey)) != 1) return opensslFailed("draw a key");
  std::string bytes(2 + rsaSize + content.size() + kTag, '\0');
  bytes[0] = static_cast<char>(rsaSize >> 8);
  bytes[1] = static_cast<char>(rsaSize & 0xff);
  const KeyContext context(EVP_PKEY_CTX_new(key, nullptr));
  std::size_t size = rsaSize;
  if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 || !setOaep(context.get(), label) ||
      EVP_PKEY_encrypt(context.get(), raw(bytes.data() + 2), &size, raw(session.view()), kSessionKey) != 1 ||
      size != rsaSize)
    return opensslFailed("encrypt for the certificate");
  const Cipher cipher(EVP_CIPHER_CTX_new());
  unsigned char* body = raw(bytes.data() + 2 + rsaSize);
  int done = 0;
  unsigned char none = 0;
  if (!cipher ||
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, raw(session.view()), zeroNonce().data()) != 1 ||
      (!content.empty() &&
       EVP_EncryptUpdate(cipher.get(), body, &done, raw(content), static_cast<int>(content.size())) != 1) ||
      EVP_EncryptFinal_ex(cipher.get(), &none, &done) != 1 ||
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTag, body + content.size()) != 1)
    return opensslFailed("encrypt the content");
  return bytes;
}

SealedFor sealedFor(const std::string& cluster, std::string_view path) {
  std::string_view name = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  if (name.ends_with(kEnd)) name.remove_suffix(kEnd.size());
  return {cluster, std::string(name)};
}

std::string wrongWith(const SealedFor& whom) {
  const auto bad = [](const std::string& text) { return text.empty() || text.find('/') != std::string::npos; };
  if (bad(whom.cluster)) return "'" + source::shownText(whom.cluster, 100) + "' is no name of a cluster";
  if (bad(whom.name)) return "'" + source::shownText(whom.name, 100) + "' is no name of a file";
  return {};
}

host::Status looksSealed(std::string_view text) {
  BEDPLATE_TRY_LET(const auto envelope, parseEnvelope(text));
  return {};
}

}  // namespace bedplate::trust
