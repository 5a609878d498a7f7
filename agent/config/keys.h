// The keys of bedplate.conf: their names, and how each takes its value.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config.h"

namespace bedplate::config {

// A file that a key names: what it must be, so that load() can look.
enum class FileKind {
  none,
  readable,  // somebody's public matter: known_hosts, CA, signers
  secret,    // a key or a token: nobody but its owner may read it
};

struct Key {
  std::string_view section;
  std::string_view name;
  // Takes the value over into `config`, or says what is wrong with it ("is not a duration; ...").
  std::optional<std::string> (*take)(Config& config, std::string_view value);
  FileKind file = FileKind::none;
  // The path that a key with a file holds.
  const std::string& (*path)(const Config& config) = nullptr;
  bool list = false;  // may go on over indented lines
};

const std::vector<Key>& keys();
std::vector<std::string_view> sectionNames();
std::vector<std::string_view> keyNames(std::string_view section);

}  // namespace bedplate::config
