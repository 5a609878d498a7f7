#include "tests/unit/trust/signer.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include <map>

#include "agent/trust/armor.h"
#include "agent/trust/digest.h"
#include "agent/trust/ssh_key.h"
#include "agent/trust/ssh_reader.h"

namespace bedplate::trust {
namespace {

constexpr std::string_view kApplication = "ssh:";

bool has(const std::string& name, std::string_view part) { return name.find(part) != std::string::npos; }

std::shared_ptr<EVP_PKEY> keyOf(const std::string& name) {
  static std::map<std::string, std::shared_ptr<EVP_PKEY>> keys;
  auto& key = keys[name];
  if (key) return key;
  EVP_PKEY* made = nullptr;
  if (has(name, "ed25519"))
    made = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  else if (has(name, "rsa"))
    made = EVP_RSA_gen(has(name, "1024") ? 1024U : 2048U);
  else
    made = EVP_EC_gen(has(name, "384") ? "P-384" : has(name, "521") ? "P-521" : "P-256");
  return key = std::shared_ptr<EVP_PKEY>(made, EVP_PKEY_free);
}

std::string typeOf(const std::string& name) {
  if (has(name, "sk-ed25519")) return "sk-ssh-ed25519@openssh.com";
  if (has(name, "sk-ecdsa")) return "sk-ecdsa-sha2-nistp256@openssh.com";
  if (has(name, "ed25519")) return "ssh-ed25519";
  if (has(name, "rsa")) return "ssh-rsa";
  return "ecdsa-sha2-nistp" + name.substr(5, 3);
}

void putNumber(std::string& to, const BIGNUM* number) {
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
  BN_bn2bin(number, reinterpret_cast<unsigned char*>(bytes.data()));
  if (!bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 0x80U) != 0) bytes.insert(0, 1, '\0');
  putText(to, bytes);
}

void putParameter(std::string& to, EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  putNumber(to, number);
  BN_free(number);
}

std::string rawSignature(EVP_PKEY* key, const char* hash, std::string_view data) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::string out(1024, '\0');
  std::size_t length = out.size();
  const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
  if (EVP_DigestSignInit_ex(context, nullptr, hash, nullptr, nullptr, key, nullptr) != 1 ||
      EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &length, bytes, data.size()) != 1)
    length = 0;
  EVP_MD_CTX_free(context);
  out.resize(length);
  return out;
}

std::string twoNumbers(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  std::string text;
  putNumber(text, ECDSA_SIG_get0_r(signature));
  putNumber(text, ECDSA_SIG_get0_s(signature));
  ECDSA_SIG_free(signature);
  return text;
}

void putInteger(std::string& to, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    to.push_back(static_cast<char>(value >> static_cast<unsigned>(shift)));
}

}  // namespace

Signer::Signer(const std::string& name) : type_(typeOf(name)), key_(keyOf(name)) {
  putText(blob_, type_);
  if (has(type_, "ed25519")) {
    std::string point(32, '\0');
    std::size_t length = point.size();
    EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(point.data()), &length);
    putText(blob_, point);
  } else if (type_ == "ssh-rsa") {
    putParameter(blob_, key_.get(), OSSL_PKEY_PARAM_RSA_E);
    putParameter(blob_, key_.get(), OSSL_PKEY_PARAM_RSA_N);
  } else {
    std::string point(200, '\0');
    std::size_t length = 0;
    EVP_PKEY_get_octet_string_param(key_.get(), OSSL_PKEY_PARAM_PUB_KEY, reinterpret_cast<unsigned char*>(point.data()),
                                    point.size(), &length);
    point.resize(length);
    putText(blob_, type_.substr(type_.find("nistp"), 8));
    putText(blob_, point);
  }
  if (has(type_, "sk-")) putText(blob_, kApplication);
}

std::string Signer::line() const { return type_ + " " + encodeBase64(blob_); }

std::string Signer::fingerprint() const { return trust::fingerprint(blob_); }

std::string Signer::signatureBlob(std::string_view data, const How& how) const {
  const bool ecdsa = has(type_, "ecdsa");
  const bool hardware = has(type_, "sk-");
  std::string tail;
  std::string said(data);
  if (hardware) {
    tail.push_back(static_cast<char>(how.flags));
    putInteger(tail, 7, 4);
    said = digest(Hash::sha256, kApplication) + tail + digest(Hash::sha256, data);
  }
  std::string type = how.type.empty() ? type_ : how.type;
  const char* hash = nullptr;
  if (type_ == "ssh-rsa") {
    if (how.type.empty()) type = "rsa-sha2-512";
    hash = type == "ssh-rsa" ? "SHA1" : type == "rsa-sha2-256" ? "SHA256" : "SHA512";
  } else if (ecdsa) {
    hash = has(type_, "384") ? "SHA384" : has(type_, "521") ? "SHA512" : "SHA256";
  }
  const std::string raw = rawSignature(key_.get(), hash, said);
  std::string blob;
  putText(blob, type);
  putText(blob, ecdsa ? twoNumbers(raw) : raw);
  return blob + tail;
}

std::string Signer::sign(std::string_view message, const How& how) const {
  std::string said = "SSHSIG";
  putText(said, how.space);
  putText(said, "");
  putText(said, how.hash);
  putText(said, digest(how.hash == "sha256" ? Hash::sha256 : Hash::sha512, message));
  std::string bytes = "SSHSIG";
  putInteger(bytes, 1, 4);
  putText(bytes, how.certificate.empty() ? blob_ : how.certificate);
  putText(bytes, how.space);
  putText(bytes, "");
  putText(bytes, how.hash);
  putText(bytes, signatureBlob(said, how));
  return bytes;
}

std::string Signer::armoured(std::string_view message, const How& how) const { return armour(sign(message, how)); }

std::string Signer::certify(const Signer& subject, const CertificateHow& how) const {
  const std::string host = "@openssh.com";
  const std::string plain =
      subject.type_.ends_with(host) ? subject.type_.substr(0, subject.type_.size() - host.size()) : subject.type_;
  std::string blob;
  putText(blob, plain + "-cert-v01@openssh.com");
  putText(blob, "a nonce");
  blob += subject.blob_.substr(4 + subject.type_.size());
  putInteger(blob, 42, 8);
  putInteger(blob, how.type, 4);
  putText(blob, "an id");
  std::string principals;
  for (const auto& principal : how.principals) putText(principals, principal);
  putText(blob, principals);
  putInteger(blob, how.after, 8);
  putInteger(blob, how.before, 8);
  putText(blob, how.critical);
  putText(blob, "");
  putText(blob, "");
  putText(blob, blob_);
  putText(blob, signatureBlob(blob, {}));
  return blob;
}

std::string armour(std::string_view bytes) {
  constexpr std::size_t kWidth = 70;
  std::string text = "-----BEGIN SSH SIGNATURE-----\n";
  const std::string digits = encodeBase64(bytes);
  for (std::size_t at = 0; at < digits.size(); at += kWidth) text += digits.substr(at, kWidth) + "\n";
  return text + "-----END SSH SIGNATURE-----";
}

std::string signedObject(const std::string& payload, const std::string& signature) {
  std::string header = "gpgsig ";
  for (const char c : signature) header += c == '\n' ? std::string("\n ") : std::string(1, c);
  std::string object = payload;
  return object.insert(object.find("\n\n") + 1, header + "\n");
}

}  // namespace bedplate::trust
