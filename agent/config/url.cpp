#include <algorithm>

#include "agent/config/config.h"

namespace bedplate::config {
namespace {

constexpr std::size_t kLongestUrl = 2048;
constexpr const char* kAllowed = "allowed are https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH and file:///PATH";

using Refused = std::optional<std::string>;

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isHostChar(char c) {
  return isDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
}

Refused refusedHost(std::string_view host) {
  if (host.empty()) return "has no host";
  if (host.front() == '-') return "its host begins with '-', which programs take for an option";
  if (host.front() == '[') {
    const bool address =
        host.back() == ']' && host.size() > 2 && std::all_of(host.begin() + 1, host.end() - 1, [](char c) {
          return isDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
        });
    return address ? Refused() : "its host is not an IPv6 address in brackets";
  }
  if (!std::all_of(host.begin(), host.end(), isHostChar)) return "its host holds a character that no host name has";
  return std::nullopt;
}

Refused refusedPort(std::string_view port) {
  const bool good =
      !port.empty() && port.size() <= 5 && std::all_of(port.begin(), port.end(), isDigit) && port.front() != '0';
  if (!good) return "its port is not a number from 1 to 65535";
  int number = 0;
  for (const char c : port) number = number * 10 + (c - '0');
  return number <= 65535 ? Refused() : "its port is not a number from 1 to 65535";
}

Refused refusedUser(std::string_view user) {
  if (user.find(':') != std::string_view::npos)
    return "holds a password, which would be seen in logs: use ssh-key, or token-file";
  if (user.empty() || user.front() == '-' || !std::all_of(user.begin(), user.end(), isHostChar))
    return "its user name is not one";
  return std::nullopt;
}

// Quotes and the like have no place in a repository's path, and shells on the other side have run them.
Refused refusedPath(std::string_view path, std::size_t optionAt) {
  if (path.size() <= optionAt) return "has no path";
  if (path[optionAt] == '-') return "its path begins with '-', which programs take for an option";
  if (path.find_first_of("'\"`$\\<>|;&*?(){}!") != std::string_view::npos)
    return "its path holds a character that a shell would act on";
  return std::nullopt;
}

Refused refusedAuthority(std::string_view authority, bool userAllowed) {
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    if (auto why = refusedUser(authority.substr(0, at))) return why;
    if (!userAllowed) return "holds a user name: over https the token of token-file says who we are";
    authority.remove_prefix(at + 1);
  }
  const auto bracket = authority.rfind(']');
  const auto colon = authority.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    if (auto why = refusedPort(authority.substr(colon + 1))) return why;
    authority = authority.substr(0, colon);
  }
  return refusedHost(authority);
}

Refused refusedScpLike(std::string_view url) {
  const auto at = url.find('@');
  // The colon after the host; those of an IPv6 address stand in brackets before it.
  const bool bracket = at != std::string_view::npos && url.substr(at + 1).starts_with('[');
  const auto colon = url.find(':', bracket ? url.find(']', at) : at == std::string_view::npos ? 0 : at);
  if (at == std::string_view::npos || colon == std::string_view::npos) return "is not a repository";
  if (auto why = refusedUser(url.substr(0, at))) return why;
  if (auto why = refusedHost(url.substr(at + 1, colon - at - 1))) return why;
  return refusedPath(url.substr(colon + 1), 0);
}

Refused refusedRemote(std::string_view rest, bool userAllowed) {
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return "has no path";
  if (auto why = refusedAuthority(rest.substr(0, slash), userAllowed)) return why;
  return refusedPath(rest.substr(slash), 1);
}

Refused judge(std::string_view url) {
  if (url.empty()) return "is empty";
  if (url.size() > kLongestUrl) return "is longer than 2048 characters";
  for (const char c : url)
    if (c <= ' ' || c > '~') return "holds a blank, a control character, or one outside ASCII";
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return refusedScpLike(url);
  const std::string_view name = url.substr(0, scheme);
  const std::string_view rest = url.substr(scheme + 3);
  if (name == "file") return !rest.empty() && rest[0] == '/' ? refusedPath(rest, 1) : "has no absolute path";
  if (name == "ssh") return refusedRemote(rest, true);
  if (name == "https") return refusedRemote(rest, false);
  if (name == "http" || name == "git") return "is not encrypted";
  return "has a scheme that is not supported";
}

}  // namespace

std::optional<std::string> refusedUrl(std::string_view url) {
  auto why = judge(url);
  if (why) *why += std::string("; ") + kAllowed;
  return why;
}

}  // namespace bedplate::config
