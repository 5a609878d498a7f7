// docs/repository.md says of every key of node.yaml what is so.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "agent/cluster/node_keys.h"

namespace bedplate::cluster {
namespace {

TEST(Documentation, NamesEveryKeyAndWhetherItIsActive) {
  std::ifstream file(BEDPLATE_SOURCE_DIR "/docs/repository.md");
  ASSERT_TRUE(file);
  std::map<std::string, std::string> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.substr(0, 3) == "| `") rows[line.substr(3, line.find('`', 3) - 3)] = line;
  }
  for (const auto& key : keys()) {
    const auto row = rows.find(std::string(key.path));
    ASSERT_NE(row, rows.end()) << key.path << " is not documented";
    const std::string answer = isActive(key.path) ? "| yes |" : "| not yet |";
    EXPECT_NE(row->second.find(answer), std::string::npos) << row->second;
  }
}

}  // namespace
}  // namespace bedplate::cluster
