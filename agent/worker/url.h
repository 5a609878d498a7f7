// Where a repository may be: the URLs that are taken, and nothing that a shell, a library or a redirect could turn.
// Thread-safety: free functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tuning/host/result.h"

namespace bedplate::worker {

enum class Scheme { file, ssh, https };

struct Url {
  Scheme scheme = Scheme::file;
  std::string user;        // "" where none is given
  std::string host;        // without brackets; "" for file
  std::uint16_t port = 0;  // the scheme's own where none is given; 0 for file
  std::string path;
};

// file:///path, ssh://[user@]host[:port]/path, user@host:path, https://[user@]host[:port]/path. "UrlRefused" for
// another scheme, a password in it, characters outside [A-Za-z0-9._~/+@%-] (and, for file, outside what prints), and a
// user, host or path that begins with '-'.
host::Result<Url> parseUrl(std::string_view text);

}  // namespace bedplate::worker
