#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "agent/trust/trust.h"
#include "tuning/host/wiped.h"

namespace bedplate::trust {

Secret::Secret(std::size_t size) : bytes_(std::make_unique<char[]>(size)), size_(size), held_(size) {}

Secret Secret::takenFrom(std::string& text) {
  Secret secret(text.size());
  std::copy(text.begin(), text.end(), secret.data());
  host::wipe(text);
  return secret;
}

Secret::Secret(Secret&& other) noexcept
    : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)), held_(std::exchange(other.held_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  std::swap(bytes_, other.bytes_);  // what was here is wiped with the other
  std::swap(size_, other.size_);
  std::swap(held_, other.held_);
  return *this;
}

Secret::~Secret() {
  if (bytes_) OPENSSL_cleanse(bytes_.get(), held_);
}

void Secret::shrink(std::size_t size) {
  if (size >= size_) return;
  OPENSSL_cleanse(bytes_.get() + size, size_ - size);
  size_ = size;
}

}  // namespace bedplate::trust
