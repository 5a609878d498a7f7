// What is asked of a text before yaml-cpp sees it. Internal to the reader.
#pragma once

#include <optional>
#include <string_view>

#include "agent/cluster/yaml.h"

namespace bedplate::cluster::yaml {

// The first byte that no YAML text may hold: control characters (yaml-cpp takes 0x04 for the end of the text), a
// carriage return without its line feed, what is not UTF-8.
std::optional<Problem> findBadByte(std::string_view text);

// Whether the quoted scalar that begins at `pos` ends within the text; true for what is not quoted.
bool quoteIsClosed(std::string_view text, std::size_t pos);

}  // namespace bedplate::cluster::yaml
