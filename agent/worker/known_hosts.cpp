#include "agent/worker/known_hosts.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <optional>

namespace bedplate::worker {
namespace {

std::string lowered(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower;
}

std::string_view takeWord(std::string_view& line) {
  const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
  line.remove_prefix(begin);
  const std::string_view word = line.substr(0, line.find_first_of(" \t"));
  line.remove_prefix(word.size());
  return word;
}

std::optional<std::string> decodeBase64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (length < 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  bytes.resize(static_cast<std::size_t>(length) - padding);
  return bytes;
}

// * and ?, without recursion: on a mismatch the last star takes one character more.
bool matchesPattern(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  std::optional<std::size_t> star;
  std::size_t retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star) {
      p = *star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

// "|1|salt|HMAC-SHA1(salt, name)"
bool matchesHashed(std::string_view field, std::string_view name) {
  const std::size_t bar = field.find('|', 3);
  if (bar == std::string_view::npos) return false;
  const auto salt = decodeBase64(field.substr(3, bar - 3));
  const auto expected = decodeBase64(field.substr(bar + 1));
  if (!salt || !expected) return false;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (HMAC(EVP_sha1(), salt->data(), static_cast<int>(salt->size()),
           reinterpret_cast<const unsigned char*>(name.data()), name.size(), digest.data(), &size) == nullptr)
    return false;
  return size == expected->size() && CRYPTO_memcmp(digest.data(), expected->data(), size) == 0;
}

bool matchesHost(std::string_view field, std::string_view name) {
  if (field.starts_with("|1|")) return matchesHashed(field, name);
  bool matched = false;
  while (!field.empty()) {
    const std::size_t comma = std::min(field.find(','), field.size());
    std::string_view pattern = field.substr(0, comma);
    field.remove_prefix(std::min(comma + 1, field.size()));
    const bool negated = pattern.starts_with('!');
    if (negated) pattern.remove_prefix(1);
    if (pattern.empty() || !matchesPattern(lowered(pattern), name)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}

}  // namespace

HostKeyVerdict checkHostKey(std::string_view knownHosts, std::string_view host, std::uint16_t port,
                            std::string_view key) {
  const std::string name = port == 22 ? lowered(host) : "[" + lowered(host) + "]:" + std::to_string(port);
  bool listed = false;
  bool trusted = false;
  while (!knownHosts.empty()) {
    const std::size_t end = std::min(knownHosts.find('\n'), knownHosts.size());
    std::string_view line = knownHosts.substr(0, end);
    knownHosts.remove_prefix(std::min(end + 1, knownHosts.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    std::string_view hosts = takeWord(line);
    if (hosts.empty() || hosts.front() == '#') continue;
    const std::string_view marker = hosts.front() == '@' ? hosts : std::string_view();
    if (!marker.empty()) hosts = takeWord(line);
    takeWord(line);  // the type; it is inside the key, too
    const auto listedKey = decodeBase64(takeWord(line));
    if (!listedKey || !matchesHost(hosts, name)) continue;
    if (marker == "@revoked" && *listedKey == key) return HostKeyVerdict::revoked;
    if (!marker.empty()) continue;
    listed = true;
    trusted = trusted || *listedKey == key;
  }
  if (trusted) return HostKeyVerdict::trusted;
  return listed ? HostKeyVerdict::otherKey : HostKeyVerdict::unknownHost;
}

std::string fingerprint(std::string_view key) {
  std::string type = "unknown";
  if (key.size() > 4) {
    const std::size_t length = static_cast<unsigned char>(key[3]);  // types are shorter than 256 bytes
    if (key.substr(0, 3) == std::string_view("\0\0\0", 3) && key.size() >= 4 + length) type = key.substr(4, length);
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(key.data(), key.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) return type;
  std::array<unsigned char, 64> text{};
  EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(size));
  std::string shown = reinterpret_cast<const char*>(text.data());
  while (shown.ends_with('=')) shown.pop_back();
  return type + " SHA256:" + shown;
}

}  // namespace bedplate::worker
