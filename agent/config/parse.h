// One file's text over a configuration, remembering where each key was set.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config.h"
#include "agent/config/keys.h"

namespace bedplate::config {

struct Where {
  std::string file;
  int line = 0;
};

// By key; the last file that set it.
using Origins = std::map<const Key*, Where>;

void parseInto(std::string_view text, const std::string& file, Config& config, std::vector<Problem>& problems,
               Origins& origins);

}  // namespace bedplate::config
