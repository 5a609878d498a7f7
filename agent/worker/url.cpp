#include "agent/worker/url.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace bedplate::worker {
namespace {

constexpr std::size_t kMaxUrl = 2048;
constexpr std::string_view kForms =
    "use file:///path, ssh://user@host[:port]/path, user@host:path or https://host[:port]/path";

host::Failure refused(std::string_view why, std::string_view todo = kForms) {
  return host::fail("UrlRefused", "", why, todo);
}

bool plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool only(std::string_view text, std::string_view also) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return plain(c) || also.find(c) != std::string_view::npos; });
}

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f;
  });
}

// A leading '-' would be an option to whatever program sees it.
bool goodWord(std::string_view text, std::string_view also) {
  return !text.empty() && text.front() != '-' && only(text, also);
}

bool goodHost(std::string_view host, bool bracketed) {
  if (!bracketed) return goodWord(host, "");
  return !host.empty() && host.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

std::optional<std::uint16_t> parsePort(std::string_view text) {
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

// "[user@]host[:port]", host perhaps in brackets.
host::Status parseAuthority(std::string_view text, Url& url) {
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    const std::string_view user = text.substr(0, at);
    if (user.find(':') != std::string_view::npos)
      return refused("holds a password", "put it into the file that token-file in bedplate.conf names");
    if (!goodWord(user, "+")) return refused("has a user name with characters that are not taken");
    url.user = user;
    text.remove_prefix(at + 1);
  }
  const bool bracketed = !text.empty() && text.front() == '[';
  const std::size_t end = bracketed ? text.find(']') : std::min(text.find(':'), text.size());
  if (end == std::string_view::npos) return refused("has a bracket that is not closed");
  const std::string_view host = bracketed ? text.substr(1, end - 1) : text.substr(0, end);
  if (!goodHost(host, bracketed)) return refused("names no host that is taken");
  url.host = host;
  text.remove_prefix(bracketed ? end + 1 : end);
  if (text.empty()) return {};
  const auto port = text.front() == ':' ? parsePort(text.substr(1)) : std::nullopt;
  if (!port) return refused("has a port that is not a number from 1 to 65535");
  url.port = *port;
  return {};
}

// Behind an ssh path stands a shell on the server: no quoting, no '%', nothing that it would take for its own.
host::Status takePath(std::string_view path, Url& url) {
  const bool good = url.scheme == Scheme::https ? only(path, "/~+@%") : only(path, "/~+@");
  if (path.empty() || path == "/" || path.front() == '-') return refused("names no repository");
  if (!good) return refused("has a path with characters that are not taken");
  url.path = path;
  return {};
}

host::Result<Url> parseHosted(std::string_view rest, Scheme scheme, std::uint16_t port) {
  Url url;
  url.scheme = scheme;
  url.port = port;
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  BEDPLATE_TRY(parseAuthority(rest.substr(0, slash), url));
  BEDPLATE_TRY(takePath(rest.substr(slash), url));
  return url;
}

host::Result<Url> parseScp(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || text.substr(0, colon).find('@') == std::string_view::npos)
    return refused("is of no form that is taken");
  Url url;
  url.scheme = Scheme::ssh;
  url.port = 22;
  BEDPLATE_TRY(parseAuthority(text.substr(0, colon), url));
  BEDPLATE_TRY(takePath(text.substr(colon + 1), url));
  return url;
}

}  // namespace

host::Result<Url> parseUrl(std::string_view text) {
  if (text.empty() || text.size() > kMaxUrl) return refused("is empty or longer than 2048 bytes");
  if (!printable(text)) return refused("holds a space or a control character");
  const std::size_t mark = text.find("://");
  if (mark == std::string_view::npos) return parseScp(text);
  const std::string_view scheme = text.substr(0, mark);
  const std::string_view rest = text.substr(mark + 3);
  if (scheme == "ssh") return parseHosted(rest, Scheme::ssh, 22);
  if (scheme == "https") return parseHosted(rest, Scheme::https, 443);
  if (scheme == "http" || scheme == "git") return refused("is a protocol that anyone on the way can change", kForms);
  if (scheme != "file") return refused("is of no form that is taken");
  if (rest.empty() || rest.front() != '/') return refused("is not an absolute path", "write file:///path");
  Url url;
  url.path = rest;
  return url;
}

}  // namespace bedplate::worker
