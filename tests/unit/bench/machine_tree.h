// A machine of machines/*.tree below a temporary root.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/lib/temp_tree.h"

namespace bedplate::bench {

class MachineTree : public testlib::TempTree {
 public:
  explicit MachineTree(const std::string& name) {
    std::ifstream in(std::string(BEDPLATE_MACHINES) + "/" + name + ".tree");
    EXPECT_TRUE(in) << name;
    std::string place, content, line;
    const auto done = [&] {
      if (!place.empty()) write(place, content);
      place.clear();
      content.clear();
    };
    while (std::getline(in, line)) {
      if (!line.starts_with("==> ")) {
        content += line + "\n";
        continue;
      }
      done();
      const std::size_t arrow = line.find(" -> ");
      if (arrow == std::string::npos) {
        place = line.substr(4);
        continue;
      }
      const std::filesystem::path at = path() + "/" + line.substr(4, arrow - 4);
      std::filesystem::create_directories(at.parent_path());
      std::filesystem::create_symlink(line.substr(arrow + 4), at);
    }
    done();
  }
  // From now on /proc/stat is another one of the machine's.
  void turnTo(const std::string& stat) { write("proc/stat", read(stat)); }
};

}  // namespace bedplate::bench
