// What a signature of each type of key has to be.
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>

#include <array>
#include <optional>

#include "agent/trust/digest.h"
#include "agent/trust/ssh_key.h"

namespace bedplate::trust {
namespace {

constexpr std::size_t kEd25519Signature = 64;
constexpr std::uint8_t kUserPresent = 1;

using Context = std::unique_ptr<EVP_MD_CTX, Frees<EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Frees<ECDSA_SIG_free>>;
using Number = std::unique_ptr<BIGNUM, Frees<BN_free>>;

const unsigned char* bytesOf(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

host::Failure malformed(std::string_view why) { return host::fail("Malformed", "", why); }

host::Failure otherType(std::string_view type) {
  std::string why = "has a signature of a type that is not taken for its key";
  if (type == "ssh-rsa") why = "has an RSA signature over SHA-1, which is not taken";
  return host::fail("Unsupported", "", why);
}

// `hash` nullptr for what hashes by itself.
bool verifies(EVP_PKEY* key, const char* hash, std::string_view signature, std::string_view data) {
  const Context context(EVP_MD_CTX_new());
  const bool good =
      context && EVP_DigestVerifyInit_ex(context.get(), nullptr, hash, nullptr, nullptr, key, nullptr) == 1 &&
      EVP_DigestVerify(context.get(), bytesOf(signature), signature.size(), bytesOf(data), data.size()) == 1;
  if (!good) ERR_clear_error();
  return good;
}

// Two mpints as the DER that OpenSSL takes.
std::optional<std::string> derOf(std::string_view signature) {
  SshReader reader(signature);
  const auto r = reader.number();
  const auto s = reader.number();
  constexpr std::size_t kMost = 66;  // of P-521
  if (!r || !s || !reader.done() || r->size() > kMost || s->size() > kMost) return std::nullopt;
  const Signature made(ECDSA_SIG_new());
  Number first(BN_bin2bn(bytesOf(*r), static_cast<int>(r->size()), nullptr));
  Number second(BN_bin2bn(bytesOf(*s), static_cast<int>(s->size()), nullptr));
  if (!made || !first || !second || ECDSA_SIG_set0(made.get(), first.get(), second.get()) != 1) return std::nullopt;
  [[maybe_unused]] const BIGNUM* const owned[] = {first.release(), second.release()};  // by the signature
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(made.get(), &der);
  if (length <= 0) return std::nullopt;
  std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return text;
}

host::Status bad() { return host::fail("BadSignature", "", "has a signature that is not of what the commit says"); }

host::Status checkEd25519(const SshKey& key, std::string_view signature, std::string_view data) {
  if (signature.size() != kEd25519Signature) return malformed("has an ed25519 signature of another length");
  return verifies(key.key.get(), nullptr, signature, data) ? host::Status{} : bad();
}

host::Status checkEcdsa(const SshKey& key, Hash hash, std::string_view signature, std::string_view data) {
  const auto der = derOf(signature);
  if (!der) return malformed("has an ecdsa signature that is not two numbers");
  return verifies(key.key.get(), nameOf(hash), *der, data) ? host::Status{} : bad();
}

host::Status checkRsa(const SshKey& key, std::string_view type, std::string_view signature, std::string_view data) {
  if (type != "rsa-sha2-256" && type != "rsa-sha2-512") return otherType(type);
  const auto size = static_cast<std::size_t>(EVP_PKEY_get_size(key.key.get()));
  if (signature.empty() || signature.size() > size) return malformed("has an RSA signature of another length");
  // Some agents leave leading zeros out.
  const std::string padded = std::string(size - signature.size(), '\0') + std::string(signature);
  const Hash hash = type == "rsa-sha2-256" ? Hash::sha256 : Hash::sha512;
  return verifies(key.key.get(), nameOf(hash), padded, data) ? host::Status{} : bad();
}

Hash hashOf(const SshKey& key) {
  const int bits = EVP_PKEY_get_bits(key.key.get());
  return bits <= 256 ? Hash::sha256 : bits <= 384 ? Hash::sha384 : Hash::sha512;
}

// A key on hardware signs its application, what it saw of the user and a counter before the data's hash.
host::Status checkHardware(const SshKey& key, std::string_view signature, SshReader& reader, std::string_view data) {
  const std::string_view tail = reader.rest();
  const auto flags = reader.u8();
  if (!flags || !reader.u32() || !reader.done()) return malformed("has a hardware key's signature that is cut off");
  const std::string said = digest(Hash::sha256, key.application) + std::string(tail) + digest(Hash::sha256, data);
  BEDPLATE_TRY(key.type.starts_with("sk-ssh-ed25519") ? checkEd25519(key, signature, said)
                                                      : checkEcdsa(key, Hash::sha256, signature, said));
  if ((*flags & kUserPresent) == 0)
    return host::fail("Unsupported", "", "is signed with a hardware key that nobody touched");
  return {};
}

}  // namespace

host::Status checkSignature(const SshKey& key, std::string_view signature, std::string_view data) {
  SshReader reader(signature);
  const auto type = reader.text();
  const auto bytes = reader.text();
  if (!bytes) return malformed("has an SSH signature that is cut off");
  const bool rsa = key.type == "ssh-rsa";
  if (!rsa && *type != key.type) return otherType(*type);
  if (key.type.starts_with("sk-")) return checkHardware(key, *bytes, reader, data);
  if (!reader.done()) return malformed("has an SSH signature with something behind it");
  if (rsa) return checkRsa(key, *type, *bytes, data);
  return key.type == "ssh-ed25519" ? checkEd25519(key, *bytes, data) : checkEcdsa(key, hashOf(key), *bytes, data);
}

}  // namespace bedplate::trust
