// Reads the data types of the SSH protocol (RFC 4251, section 5) from foreign bytes, and writes strings.
// Thread-safety: plain values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bedplate::trust {

// Once anything was short everything is: checked at the end by done(), or at once by the getters' nullopt.
class SshReader {
 public:
  explicit SshReader(std::string_view bytes) : rest_(bytes) {}

  std::optional<std::uint8_t> u8() {
    const auto bytes = take(1);
    if (!bytes) return std::nullopt;
    return static_cast<std::uint8_t>(bytes->front());
  }
  std::optional<std::uint32_t> u32() {
    const auto value = integer(4);
    if (!value) return std::nullopt;
    return static_cast<std::uint32_t>(*value);
  }
  std::optional<std::uint64_t> u64() { return integer(8); }
  // u32 length and the bytes.
  std::optional<std::string_view> text() {
    const auto length = u32();
    return length ? take(*length) : std::nullopt;
  }
  // A positive mpint as its bytes, high byte first, without leading zeros; nullopt for zero and below.
  std::optional<std::string_view> number() {
    auto bytes = text();
    if (!bytes || bytes->empty() || (static_cast<std::uint8_t>(bytes->front()) & 0x80U) != 0) return std::nullopt;
    bytes->remove_prefix(std::min(bytes->find_first_not_of('\0'), bytes->size()));
    if (bytes->empty()) return std::nullopt;
    return bytes;
  }
  std::optional<std::string_view> take(std::size_t length) {
    if (!ok_ || length > rest_.size()) {
      ok_ = false;
      return std::nullopt;
    }
    const std::string_view bytes = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return bytes;
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }

 private:
  std::optional<std::uint64_t> integer(std::size_t bytes) {
    const auto taken = take(bytes);
    if (!taken) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : *taken) value = value << 8U | static_cast<std::uint8_t>(c);
    return value;
  }

  std::string_view rest_;
  bool ok_ = true;
};

inline void putText(std::string& to, std::string_view bytes) {
  const auto length = static_cast<std::uint32_t>(bytes.size());
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<char>(length >> static_cast<unsigned>(shift)));
  to += bytes;
}

}  // namespace bedplate::trust
