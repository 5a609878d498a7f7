// Keys that sign as ssh-keygen and hardware keys do, for the tests of what verifies. One key a name in each process.
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bedplate::trust {

struct How {
  std::string space = "git";
  std::string hash = "sha512";
  std::string type = {};  // of the signature; "" for the key's own, or rsa-sha2-512
  std::uint8_t flags = 1;
  std::string certificate = {};  // in place of the key
};

struct CertificateHow {
  std::uint32_t type = 1;
  std::vector<std::string> principals = {"ada@nordic-corp.no"};
  std::uint64_t after = 0;
  std::uint64_t before = ~std::uint64_t{0};
  std::string critical = {};
};

class Signer {
 public:
  // ed25519, ecdsa256, ecdsa384, ecdsa521, rsa, rsa1024, sk-ed25519, sk-ecdsa; with "-2" for another of the kind.
  explicit Signer(const std::string& name);

  [[nodiscard]] const std::string& blob() const { return blob_; }
  [[nodiscard]] std::string line() const;  // as in a .pub file
  [[nodiscard]] std::string fingerprint() const;
  // The SSHSIG bytes over a message, and the same armoured.
  [[nodiscard]] std::string sign(std::string_view message, const How& how = {}) const;
  [[nodiscard]] std::string armoured(std::string_view message, const How& how = {}) const;
  // A certificate for `subject` by this key.
  [[nodiscard]] std::string certify(const Signer& subject, const CertificateHow& how = {}) const;

 private:
  [[nodiscard]] std::string signatureBlob(std::string_view data, const How& how) const;

  std::string type_;
  std::string blob_;
  std::shared_ptr<EVP_PKEY> key_;
};

// "-----BEGIN SSH SIGNATURE-----" around bytes.
std::string armour(std::string_view bytes);
// A commit object with this signature in its header.
std::string signedObject(const std::string& payload, const std::string& signature);

}  // namespace bedplate::trust
