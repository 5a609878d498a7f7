// The wire format between the agent (root) and its workers (nobody): all that the two share.
//
// A stream of frames over a socket pair: u32 length (of what follows, little-endian), u8 kind, payload. A frame is at
// most kMaxFrame bytes. Strings in payloads are u32 length + bytes, numbers little-endian. docs/formats.md has it
// whole.
//
//   agent -> worker                              worker -> agent
//   job      url branch mirror sshKey            refs      head id (the branch on the remote)
//            knownHosts caFile token timeoutMs   progress  u64 (bytes or objects; any change counts as progress)
//   fetch                                        fetched
//   want     u8 type, u32 limit, ids...          object    u8 type, id, bytes          (one a wanted id, in order)
//   range    base id, head id, u32 most          missing   id                          (instead of object)
//   resolve  revision                            oversize  id                          (instead of object)
//   quit                                         end       (closes a range)
//                                                resolved  id
//                                                failure   reason, why                 (answers any request)
//
// The other conversation, with bedplate-http:
//
//   request  method url caPem certificatePem     response    u32 status, body
//            keyPem token body                   unanswered  reason, why
//            u32 most, u32 deadlineMs
//
// Thread-safety: plain values and free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bedplate::wire {

inline constexpr std::size_t kMaxFrame = 64u << 20;
inline constexpr std::size_t kMaxHttpBody = 1u << 20;  // of a request

enum class Kind : std::uint8_t {
  job = 1,
  fetch,
  want,
  range,
  resolve,
  quit,
  request,
  refs = 64,
  progress,
  fetched,
  object,
  missing,
  end,
  resolved,
  failure,
  oversize,
  response,
  unanswered,
};

// Builds a frame.
class Writer {
 public:
  explicit Writer(Kind kind);
  Writer& u8(std::uint8_t value);
  Writer& u32(std::uint32_t value);
  Writer& u64(std::uint64_t value);
  Writer& text(std::string_view value);  // u32 length + bytes
  // The whole frame, length filled in.
  [[nodiscard]] std::string finish();

 private:
  std::string buffer_;
};

// Takes a payload apart; every getter gives nullopt once anything was short or left over.
class Reader {
 public:
  explicit Reader(std::string_view payload) : rest_(payload) {}
  std::optional<std::uint8_t> u8();
  std::optional<std::uint32_t> u32();
  std::optional<std::uint64_t> u64();
  std::optional<std::string_view> text();
  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

struct Frame {
  Kind kind;
  std::string payload;
};

// Takes the first whole frame off `buffer` (which holds what was received); nullopt when more bytes are needed.
// `bad` is set when the bytes cannot be a frame (length 0 or over `limit`, unknown kind): close the stream.
std::optional<Frame> takeFrame(std::string& buffer, bool& bad, std::size_t limit = kMaxFrame);

}  // namespace bedplate::wire
