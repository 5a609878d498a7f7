#include "agent/trust/ssh_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include <array>

#include "agent/trust/armor.h"
#include "agent/trust/digest.h"

namespace bedplate::trust {
namespace {

constexpr int kLeastRsaBits = 2048;
constexpr int kMostRsaBits = 16384;
constexpr std::size_t kEd25519Bytes = 32;
constexpr std::size_t kMaxApplication = 1024;

struct Curve {
  std::string_view name;
  const char* group;
};
constexpr std::array<Curve, 3> kCurves = {{{"nistp256", "P-256"}, {"nistp384", "P-384"}, {"nistp521", "P-521"}}};
constexpr std::string_view kEcdsa = "ecdsa-sha2-";
constexpr std::string_view kSkEd25519 = "sk-ssh-ed25519@openssh.com";
constexpr std::string_view kSkEcdsa = "sk-ecdsa-sha2-nistp256@openssh.com";

using Number = std::unique_ptr<BIGNUM, Frees<BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Frees<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Frees<OSSL_PARAM_free>>;

host::Failure malformed(std::string_view why) { return host::fail("Malformed", "", why); }

const unsigned char* bytesOf(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Key fromParameters(const char* algorithm, OSSL_PARAM_BLD* builder) {
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, algorithm, nullptr));
  EVP_PKEY* made = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    ERR_clear_error();  // nothing of ours is left for the next one to find
  return Key(made);
}

Key makeEd25519(std::string_view point) {
  Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytesOf(point), point.size()));
  if (!key) ERR_clear_error();
  return key;
}

Key makeEcdsa(const char* group, std::string_view point) {
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1)
    return nullptr;
  return fromParameters("EC", builder.get());
}

Key makeRsa(std::string_view exponent, std::string_view modulus) {
  const Number e(BN_bin2bn(bytesOf(exponent), static_cast<int>(exponent.size()), nullptr));
  const Number n(BN_bin2bn(bytesOf(modulus), static_cast<int>(modulus.size()), nullptr));
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!e || !n || !builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return nullptr;
  return fromParameters("RSA", builder.get());
}

host::Result<Key> takeEd25519(SshReader& reader) {
  const auto point = reader.text();
  if (!point || point->size() != kEd25519Bytes) return malformed("has an ed25519 key of another length than 32 bytes");
  return makeEd25519(*point);
}

host::Result<Key> takeEcdsa(std::string_view curve, SshReader& reader) {
  const auto name = reader.text();
  const auto point = reader.text();
  if (!point || *name != curve) return malformed("has an ecdsa key that is cut off, or on another curve than it says");
  // Uncompressed, as RFC 5656 has it: the only form that OpenSSL checks to be on the curve without asking.
  if (point->empty() || point->front() != 4) return malformed("has an ecdsa key that is no uncompressed point");
  for (const auto& known : kCurves)
    if (known.name == curve) return makeEcdsa(known.group, *point);
  return malformed("has an ecdsa key on an unknown curve");
}

host::Result<Key> takeRsa(SshReader& reader) {
  const auto exponent = reader.number();
  const auto modulus = reader.number();
  if (!exponent || !modulus) return malformed("has an RSA key that is cut off");
  constexpr std::size_t kMostExponent = 8;
  const std::size_t bytes = modulus->size();
  if (bytes > kMostRsaBits / 8 || exponent->size() > kMostExponent)
    return host::fail("Unsupported", "", "is signed with an RSA key of more than 16384 bits");
  Key key = makeRsa(*exponent, *modulus);
  if (key && EVP_PKEY_get_bits(key.get()) < kLeastRsaBits)
    return host::fail("Unsupported", "",
                      "is signed with an RSA key of " + std::to_string(EVP_PKEY_get_bits(key.get())) +
                          " bits, and fewer than 2048 are not taken");
  return key;
}

host::Result<Key> takeKey(std::string_view type, SshReader& reader) {
  if (type == "ssh-ed25519" || type == kSkEd25519) return takeEd25519(reader);
  if (type == kSkEcdsa) return takeEcdsa("nistp256", reader);
  if (type == "ssh-rsa") return takeRsa(reader);
  if (type.substr(0, kEcdsa.size()) == kEcdsa)
    for (const auto& curve : kCurves)
      if (type.substr(kEcdsa.size()) == curve.name) return takeEcdsa(curve.name, reader);
  return host::fail("Unsupported", "", "is signed with a key of a type that is not taken");
}

}  // namespace

std::string_view kindOf(std::string_view type) {
  if (type == "ssh-ed25519") return "ED25519";
  if (type == "ssh-rsa") return "RSA";
  if (type == kSkEd25519) return "ED25519-SK";
  if (type == kSkEcdsa) return "ECDSA-SK";
  for (const auto& curve : kCurves)
    if (type.starts_with(kEcdsa) && type.substr(kEcdsa.size()) == curve.name) return "ECDSA";
  return {};
}

host::Result<SshKey> takeSshKey(std::string_view type, SshReader& reader) {
  const std::string_view before = reader.rest();
  SshKey key;
  key.type = type;
  BEDPLATE_TRY_LET(key.key, takeKey(type, reader));
  if (!key.key) return malformed("is signed with a key that is none");
  key.kind = kindOf(type);
  if (type == kSkEd25519 || type == kSkEcdsa) {
    const auto application = reader.text();
    if (!application || application->size() > kMaxApplication) return malformed("has a hardware key that is cut off");
    key.application = *application;
  }
  putText(key.blob, type);
  key.blob += before.substr(0, before.size() - reader.rest().size());
  return key;
}

host::Result<SshKey> parseSshKey(std::string_view blob) {
  SshReader reader(blob);
  const auto type = reader.text();
  if (!type) return malformed("has a key that is cut off");
  BEDPLATE_TRY_LET(SshKey key, takeSshKey(*type, reader));
  if (!reader.done()) return malformed("has a key with something behind it");
  return key;
}

std::string fingerprint(std::string_view blob) {
  std::string text = encodeBase64(digest(Hash::sha256, blob));
  while (!text.empty() && text.back() == '=') text.pop_back();
  return "SHA256:" + text;
}

}  // namespace bedplate::trust
