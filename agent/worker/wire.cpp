#include "agent/worker/wire.h"

namespace bedplate::wire {
namespace {

constexpr std::size_t kLengthBytes = 4;

template <class T>
void append(std::string& buffer, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) buffer.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
}

template <class T>
T numberAt(std::string_view bytes) {
  T value = 0;
  for (std::size_t i = sizeof(T); i-- > 0;)
    value = static_cast<T>(static_cast<std::uint64_t>(value) << 8 | static_cast<unsigned char>(bytes[i]));
  return value;
}

template <class T>
std::optional<T> takeNumber(std::string_view& rest, bool& ok) {
  if (!ok || rest.size() < sizeof(T)) {
    ok = false;
    return std::nullopt;
  }
  const T value = numberAt<T>(rest);
  rest.remove_prefix(sizeof(T));
  return value;
}

bool known(std::uint8_t kind) {
  return (kind >= static_cast<std::uint8_t>(Kind::job) && kind <= static_cast<std::uint8_t>(Kind::request)) ||
         (kind >= static_cast<std::uint8_t>(Kind::refs) && kind <= static_cast<std::uint8_t>(Kind::unanswered));
}

}  // namespace

Writer::Writer(Kind kind) : buffer_(kLengthBytes, '\0') { u8(static_cast<std::uint8_t>(kind)); }

Writer& Writer::u8(std::uint8_t value) {
  append(buffer_, value);
  return *this;
}

Writer& Writer::u32(std::uint32_t value) {
  append(buffer_, value);
  return *this;
}

Writer& Writer::u64(std::uint64_t value) {
  append(buffer_, value);
  return *this;
}

Writer& Writer::text(std::string_view value) {
  u32(static_cast<std::uint32_t>(value.size()));
  buffer_.append(value);
  return *this;
}

std::string Writer::finish() {
  std::string length;
  append(length, static_cast<std::uint32_t>(buffer_.size() - kLengthBytes));
  buffer_.replace(0, kLengthBytes, length);
  return std::move(buffer_);
}

std::optional<std::uint8_t> Reader::u8() { return takeNumber<std::uint8_t>(rest_, ok_); }

std::optional<std::uint32_t> Reader::u32() { return takeNumber<std::uint32_t>(rest_, ok_); }

std::optional<std::uint64_t> Reader::u64() { return takeNumber<std::uint64_t>(rest_, ok_); }

std::optional<std::string_view> Reader::text() {
  const auto length = u32();
  if (!length || rest_.size() < *length) {
    ok_ = false;
    return std::nullopt;
  }
  const std::string_view value = rest_.substr(0, *length);
  rest_.remove_prefix(*length);
  return value;
}

std::optional<Frame> takeFrame(std::string& buffer, bool& bad, std::size_t limit) {
  bad = false;
  if (buffer.size() < kLengthBytes) return std::nullopt;
  const std::size_t length = numberAt<std::uint32_t>(buffer);
  if (length == 0 || length > limit || (buffer.size() > kLengthBytes && !known(static_cast<std::uint8_t>(buffer[4])))) {
    bad = true;
    return std::nullopt;
  }
  if (buffer.size() < kLengthBytes + length) return std::nullopt;
  Frame frame{static_cast<Kind>(buffer[kLengthBytes]), {}};
  frame.payload.assign(buffer, kLengthBytes + 1, length - 1);
  buffer.erase(0, kLengthBytes + length);
  return frame;
}

}  // namespace bedplate::wire
