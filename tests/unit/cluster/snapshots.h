// Cluster directories written down in a test.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/cluster/cluster.h"

namespace bedplate::cluster {

// Paths and contents, in any order.
source::Snapshot snapshotOf(std::vector<std::pair<std::string, std::string>> files);

// Compiled for web-01, a server, unless told otherwise.
Compiled compiled(std::vector<std::pair<std::string, std::string>> files, const std::string& role = "server",
                  const std::string& name = "web-01");

// The findings as an operator sees them.
std::vector<std::string> texts(const std::vector<Finding>& findings);

}  // namespace bedplate::cluster
