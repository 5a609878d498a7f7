// Object ids and the hash that makes them.
#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "agent/source/source.h"
#include "agent/source/text.h"

namespace bedplate::source {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

const char* nameOf(ObjectType type) {
  switch (type) {
    case ObjectType::commit: return "commit";
    case ObjectType::tree: return "tree";
    case ObjectType::blob: return "blob";
  }
  return "unknown";
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

std::optional<ObjectId> ObjectId::fromHex(std::string_view hex) {
  if (hex.size() != 40 && hex.size() != 64) return std::nullopt;
  ObjectId id;
  id.size_ = hex.size() / 2;
  for (std::size_t i = 0; i < id.size_; ++i) {
    const int high = digit(hex[2 * i]);
    const int low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    id.bytes_[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return id;
}

std::optional<ObjectId> ObjectId::fromBytes(std::string_view bytes) {
  if (bytes.size() != 20 && bytes.size() != 32) return std::nullopt;
  ObjectId id;
  id.size_ = bytes.size();
  std::copy(bytes.begin(), bytes.end(), id.bytes_.begin());
  return id;
}

std::string ObjectId::hex() const { return hexOf(bytes()); }

ObjectId hashObject(ObjectType type, std::string_view bytes, std::size_t idSize) {
  const std::string header = nameOf(type) + (" " + std::to_string(bytes.size())) + std::string(1, '\0');
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const EVP_MD* algorithm = idSize == 32 ? EVP_sha256() : EVP_sha1();
  if (!context || EVP_DigestInit_ex(context.get(), algorithm, nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), header.data(), header.size()) != 1 ||
      EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1)
    return {};  // equals no id: whatever was hashed is refused
  return ObjectId::fromBytes({reinterpret_cast<const char*>(digest.data()), size}).value_or(ObjectId{});
}

}  // namespace bedplate::source
