#include "agent/trust/armor.h"

#include <openssl/evp.h>

#include <array>
#include <limits>

namespace bedplate::trust {
namespace {

constexpr std::string_view kSshBegin = "-----BEGIN SSH SIGNATURE-----";
constexpr std::string_view kSshEnd = "-----END SSH SIGNATURE-----";
constexpr std::string_view kKeysBegin = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
constexpr std::string_view kKeysEnd = "-----END PGP PUBLIC KEY BLOCK-----";
constexpr std::array<std::size_t, 3> kWidths = {70, 64, 76};  // OpenSSH, PEM, MIME
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string_view takeLine(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

host::Failure malformed(std::string_view why) { return host::fail("Malformed", "", why); }

bool goodWidth(std::size_t width) {
  for (const std::size_t known : kWidths)
    if (width == known) return true;
  return false;
}

// The lines up to the last one, which may be shorter than the width that all others have.
host::Result<std::string> joinLines(std::string_view body) {
  std::string joined;
  std::size_t width = 0;
  while (!body.empty()) {
    const std::string_view line = takeLine(body);
    if (line.empty()) return malformed("has a signature with an empty line");
    const bool last = body.empty();
    if (width == 0 && !last && !goodWidth(line.size()))
      return malformed("has a signature in lines of " + std::to_string(line.size()) +
                       " characters, which no signer writes: it was wrapped anew");
    if (width == 0) width = last ? kWidths.back() : line.size();
    if (line.size() > width || (!last && line.size() != width))
      return malformed("has a signature in uneven lines: it was wrapped anew");
    joined += line;
  }
  return joined;
}

}  // namespace

std::optional<std::string> decodeBase64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > std::numeric_limits<int>::max() / 2) return std::nullopt;
  std::string_view digits = text;
  for (int i = 0; i < 2 && digits.back() == '='; ++i) digits.remove_suffix(1);
  // EVP_DecodeBlock skips blanks around the text.
  if (digits.find_first_not_of(kAlphabet) != std::string_view::npos) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (length < 0) return std::nullopt;
  bytes.resize(bytes.size() - (text.size() - digits.size()));
  // Bits beyond the last byte may hold anything and must be zero.
  if (encodeBase64(bytes) != text) return std::nullopt;
  return bytes;
}

std::string encodeBase64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

host::Result<std::string> dearmorSignature(std::string_view text) {
  if (takeLine(text) != kSshBegin) return malformed("has a signature that does not begin as one");
  const std::size_t end = text.find(kSshEnd);
  if (end == std::string_view::npos || end == 0 || text[end - 1] != '\n')
    return malformed("has a signature that is cut off");
  const std::string_view after = text.substr(end + kSshEnd.size());
  if (!after.empty() && after != "\n") return malformed("has something behind its signature");
  BEDPLATE_TRY_LET(const std::string joined, joinLines(text.substr(0, end)));
  auto bytes = decodeBase64(joined);
  if (!bytes) return malformed("has a signature that is not base64");
  return std::move(*bytes);
}

host::Result<std::string> dearmorKeys(std::string_view text) {
  std::string keys;
  for (;;) {
    const std::size_t begin = text.find(kKeysBegin);
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin + kKeysBegin.size());
    const std::size_t end = text.find(kKeysEnd);
    if (end == std::string_view::npos) return malformed("has a block of keys that is cut off");
    std::string_view block = text.substr(0, end);
    text.remove_prefix(end + kKeysEnd.size());
    // Headers up to a blank line, base64, and a checksum behind '=' that gives no safety and is not looked at.
    takeLine(block);
    while (!block.empty() && block.front() != '\n' && block.front() != '\r') takeLine(block);
    std::string joined;
    while (!block.empty() && block.front() != '=') {
      std::string_view line = takeLine(block);
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      joined += line;
    }
    const auto bytes = decodeBase64(joined);
    if (!bytes) return malformed("has a block of keys that is not base64");
    keys += *bytes;
  }
  if (keys.empty()) return malformed("holds no OpenPGP keys");
  return keys;
}

}  // namespace bedplate::trust
