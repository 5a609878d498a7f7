// Certificates that carry the key to seal for.
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <limits>

#include "agent/source/text.h"
#include "agent/trust/armor.h"
#include "agent/trust/sealed.h"
#include "agent/trust/sealing_keys.h"
#include "tuning/host/clock.h"

namespace bedplate::trust {
namespace {

constexpr int kLeastBits = 2048, kMostBits = 8192;
constexpr std::int64_t kUsPerSecond = 1'000'000;
constexpr int kDays = 3650;
constexpr std::size_t kLongestName = 64;  // of an X.509 common name
constexpr int kSerialBits = 159;

Bio reading(std::string_view text) {
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return nullptr;
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string written(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

std::string subjectOf(const X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0) return {};
  return source::shownText(written(bio), 200);
}

std::string fingerprintOf(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
  unsigned int size = 0;
  if (X509_digest(certificate, EVP_sha256(), sum.data(), &size) != 1) return {};
  return source::hexOf({reinterpret_cast<const char*>(sum.data()), size});
}

X509Handle parse(std::string_view pem) {
  const Bio bio = reading(pem);
  X509Handle certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  ::ERR_clear_error();
  return certificate;
}

bool addName(X509_NAME* name, const char* field, const std::string& value) {
  return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value.data()),
                                    static_cast<int>(value.size()), -1, 0) == 1;
}

bool addExtension(X509* certificate, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Frees<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool setSerial(X509* certificate) {
  const std::unique_ptr<BIGNUM, Frees<BN_free>> number(BN_new());
  return number && BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool fill(X509* certificate, EVP_PKEY* key, const std::string& node, std::time_t now) {
  X509_NAME* name = X509_get_subject_name(certificate);
  return X509_set_version(certificate, X509_VERSION_3) == 1 && setSerial(certificate) &&
         X509_time_adj_ex(X509_getm_notBefore(certificate), 0, 0, &now) != nullptr &&
         X509_time_adj_ex(X509_getm_notAfter(certificate), kDays, 0, &now) != nullptr &&
         X509_set_pubkey(certificate, key) == 1 && addName(name, "O", "bedplate") &&
         addName(name, "CN", node.empty() ? "node" : node.substr(0, kLongestName)) &&
         X509_set_issuer_name(certificate, name) == 1 &&
         addExtension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         addExtension(certificate, NID_key_usage, "critical,keyEncipherment") &&
         X509_sign(certificate, key, EVP_sha256()) > 0;
}

}  // namespace

host::Result<std::string> selfSigned(EVP_PKEY* key, const std::string& node, std::int64_t nowUs) {
  const X509Handle certificate(X509_new());
  const Bio bio(BIO_new(BIO_s_mem()));
  const auto now = static_cast<std::time_t>(nowUs / kUsPerSecond);
  const bool made = certificate && bio && fill(certificate.get(), key, node, now) &&
                    PEM_write_bio_X509(bio.get(), certificate.get()) == 1;
  ::ERR_clear_error();
  if (!made) return host::fail("Internal", "OpenSSL", "failed to make a certificate", "is there memory left?");
  return written(bio);
}

host::Result<Certificate> readCertificate(std::string_view pem) {
  const auto invalid = [](const std::string& why) {
    return host::fail("Invalid", "", why, "take the output of `bedplate cert`");
  };
  const X509Handle parsed = parse(pem);
  if (!parsed) return invalid("holds no certificate in PEM");
  EVP_PKEY* key = X509_get0_pubkey(parsed.get());
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) return invalid("is no certificate of an RSA key");
  Certificate certificate;
  certificate.bits = EVP_PKEY_get_bits(key);
  if (certificate.bits < kLeastBits || certificate.bits > kMostBits || certificate.bits % 8 != 0)
    return invalid("has an RSA key of " + std::to_string(certificate.bits) + " bits");
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(parsed.get()), &end) != 1) return invalid("does not say how long it is valid");
  certificate.notAfterUs = static_cast<std::int64_t>(::timegm(&end)) * kUsPerSecond;
  certificate.subject = subjectOf(parsed.get());
  certificate.fingerprint = fingerprintOf(parsed.get());
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), parsed.get()) != 1) return invalid("cannot be written again");
  certificate.pem = written(bio);
  return certificate;
}

host::Result<std::string> seal(const Certificate& certificate, const SealedFor& whom, std::string_view content,
                               std::int64_t nowUs) {
  if (const auto wrong = wrongWith(whom); !wrong.empty()) return host::fail("Invalid", "", wrong);
  if (certificate.notAfterUs < nowUs)
    return host::fail("Expired", "the certificate",
                      "is not valid any more since " + host::isoTime(certificate.notAfterUs),
                      "bedplate cert --renew on the node makes another");
  const X509Handle parsed = parse(certificate.pem);
  EVP_PKEY* key = parsed ? X509_get0_pubkey(parsed.get()) : nullptr;
  if (key == nullptr) return host::fail("Invalid", "the certificate", "cannot be read");
  BEDPLATE_TRY_LET(const auto bytes, sealFor(key, content, whom.cluster + "/" + whom.name));
  return encodeBase64(bytes);
}

}  // namespace bedplate::trust
