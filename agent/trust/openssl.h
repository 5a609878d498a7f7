// OpenSSL's handles, owned. Internal to trust.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>

namespace bedplate::trust {

template <auto Free>
struct Frees {
  template <class T>
  void operator()(T* handle) const {
    Free(handle);
  }
};

using Key = std::unique_ptr<EVP_PKEY, Frees<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Frees<EVP_PKEY_CTX_free>>;
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, Frees<EVP_CIPHER_CTX_free>>;
using Bio = std::unique_ptr<BIO, Frees<BIO_free_all>>;
using X509Handle = std::unique_ptr<X509, Frees<X509_free>>;

}  // namespace bedplate::trust
