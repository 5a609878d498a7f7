// Runs the command line in this process, on a tree.
#pragma once

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "agent/cli/verbs.h"
#include "tests/lib/temp_tree.h"

namespace bedplate::cli {

struct Ran {
  int status = 0;
  std::string out, err;
};

inline Ran run(const std::vector<std::string>& arguments) {
  ::unsetenv("DBUS_SYSTEM_BUS_ADDRESS");  // never the bus of the machine that runs the tests
  std::ostringstream out, err;
  Ran ran;
  ran.status = runProgram(arguments, Terminal{}, out, err);
  ran.out = out.str();
  ran.err = err.str();
  return ran;
}

inline Ran runOn(testlib::TempTree& tree, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--root", tree.path()});
  return run(arguments);
}

}  // namespace bedplate::cli
